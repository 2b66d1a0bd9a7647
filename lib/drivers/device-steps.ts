/** All devices take a step, or none does. */
import {setImmediate} from 'node:timers/promises';
import {SecureNetError, messageOf} from '../util/errors.ts';
import {slicesOf} from '../util/slices.ts';
import {DeviceError} from './driver.ts';
import type {FirewallDriver, Step} from './driver.ts';

/** Each driver is asked only about states that it rendered itself. */
export type AnyDriver = FirewallDriver<unknown>;
export type DeviceStep = Step<unknown> & {readonly driver: AnyDriver};

/** Devices that took neither the new policy nor the old one. */
export class PutBackError extends SecureNetError {
	override name = 'PutBackError';
	/** The steps of which nobody knows how far they came. */
	readonly stuck: readonly DeviceStep[];

	constructor(reason: unknown, stuck: ReadonlyArray<readonly [step: DeviceStep, sentence: string]>) {
		super('put-back', [messageOf(reason), ...stuck.map(([, sentence]) => sentence), 'The next change of the policy repairs what it can reach then.'].join('\n'), {}, {cause: reason});
		this.stuck = stuck.map(([step]) => step);
	}
}

/**
When one device refuses, the others forget what they prepared. The first refusal in natural order is the one that is told.

@param meanwhile what has to be done as well before anything changes
*/
export async function checkAll(steps: readonly DeviceStep[], meanwhile: Promise<void> = Promise.resolve()): Promise<void> {
	const other = outcome(async () => meanwhile);
	const asked: Array<Promise<PromiseSettledResult<void>>> = [];
	for (const step of steps) {
		asked.push(outcome(async () => step.driver.check?.(step)));
		// What it was sent leaves now, and it looks at that while others are still being told.
		await setImmediate();
	}

	const answers = await Promise.all([...asked, other]);
	const refusal = answers.find(answer => answer.status === 'rejected');
	if (refusal) {
		await discardAll(steps.filter((_, index) => answers[index]?.status === 'fulfilled'));
		throw refusal.reason;
	}
}

/** What a driver of somebody's own throws at once is a refusal like any other. */
async function outcome(work: () => Promise<void>): Promise<PromiseSettledResult<void>> {
	const [result] = await Promise.allSettled([work()]);
	return result;
}

/** Devices that are told to change at the same time: a daemon with many ports looks at what it was told once in some milliseconds, and then at all of it. */
const atOnce = 64;

/**
Many devices at a time, in natural order. When one refuses, all that changed are put back, and all that may have. The first refusal in natural order is the one that is told.

@throws PutBackError when a device takes neither the new policy nor the old one
*/
export async function applyAll(steps: readonly DeviceStep[]): Promise<void> {
	const ways: DeviceStep[] = [];
	let begun = 0;
	for (const slice of slicesOf(steps, atOnce)) {
		begun += slice.length;
		const answers = await Promise.allSettled(slice.map(async step => step.driver.apply(step)));
		ways.push(...slice.flatMap((step, index) => wayBack(step, answers[index])));
		const refusal = answers.find(answer => answer.status === 'rejected');
		if (refusal) {
			try {
				await putBack(ways.reverse(), refusal.reason);
			} finally {
				await discardAll(steps.slice(begun));
			}

			throw refusal.reason;
		}
	}
}

/** What a device cannot forget is in nobody's way, and must not hide why the change was refused. */
export async function discardAll(steps: readonly DeviceStep[]): Promise<void> {
	await Promise.allSettled(steps.map(async step => step.driver.discard?.(step)));
}

/** What a driver cannot let go of changes nothing of the policy. */
export function closeOn(driver: AnyDriver | undefined, device: string): void {
	try {
		driver?.close?.(device);
	} catch (error) {
		process.emitWarning(`${device}: ${messageOf(error)}`);
	}
}

/** None for a device that surely is as before. */
function wayBack({device, driver, previous, next, perhaps = [], ...step}: DeviceStep, answer: PromiseSettledResult<void> | undefined): DeviceStep[] {
	const back = {device, driver, previous: next, next: previous, ...step.beside === undefined ? {} : {beside: step.beside}};
	if (answer?.status === 'fulfilled') {
		return [back];
	}

	return answer?.reason instanceof DeviceError && answer.reason.isAsBefore ? [] : [{...back, perhaps: [previous, ...perhaps]}];
}

async function putBack(ways: readonly DeviceStep[], reason: unknown): Promise<void> {
	const stuck: Array<readonly [DeviceStep, string]> = [];
	for (const way of ways) {
		try {
			await way.driver.check?.(way);
			await way.driver.apply(way);
		} catch (error) {
			stuck.push([way, `${way.device} ${way.perhaps ? 'may have' : 'keeps'} the new policy: ${messageOf(error)}`]);
		}
	}

	if (stuck.length > 0) {
		throw new PutBackError(reason, stuck);
	}
}
