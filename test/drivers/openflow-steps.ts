/** Steps of a real switch that go wrong halfway: nothing stays prepared, and what nobody knows is put right. */
import test from 'ava';
import {DeviceError} from '../../lib/drivers/driver.ts';
import {cookieOf} from '../../lib/drivers/flow.ts';
import {SwitchMeters} from '../../lib/drivers/openflow-meters.ts';
import {allFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import type {FlowState} from '../../lib/drivers/openflow-render.ts';
import {SwitchSteps} from '../../lib/drivers/openflow-steps.ts';
import {Switches} from '../../lib/drivers/openflow-switches.ts';
import type {SwitchConnection} from '../../lib/kernel/openflow-connection.ts';
import {addMeter} from '../../lib/kernel/openflow.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';
import {switchPlan} from '../helpers/plans.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

const device = 's1';

/** Fails as the test wants it to. */
class FailingSwitches extends Switches {
	isGone = false;
	/** Commits are made, and not answered. */
	isSilent = false;

	override async to(name: string): Promise<SwitchConnection> {
		if (this.isGone) {
			throw new SecureNetError('no-answer', 'gone');
		}

		const connection = await super.to(name);
		const prepare = connection.prepare.bind(connection);
		connection.prepare = async changes => {
			const bundle = await prepare(changes);
			const commit = async () => {
				await bundle.commit();
				if (this.isSilent) {
					throw new SecureNetError('no-answer', 'silent');
				}
			};

			return {...bundle, commit};
		};
		return connection;
	}
}

const switches = new FailingSwitches(() => oracle.bridge);
const steps = new SwitchSteps(() => oracle.bridge, switches);
let state: FlowState = plainSwitch;

const render = (...rules: readonly string[]) => renderFlows(switchPlan({sets: {'sg:web': '10.0.0.1'}, bound: '10.0.0.1', hosts: ['10.0.0.1 bound', '10.0.0.2'], rules}), state);
const cookies = (of: FlowState) => allFlows(of).map(cookieOf).sort();
const installed = async () => (await oracle.dump()).map(({cookie}) => cookie).sort();

async function install(next: FlowState): Promise<void> {
	await steps.check({device, previous: state, next});
	await steps.apply({device, previous: state, next});
	state = next;
}

const [rated7, rated8, rated9] = ['7: allow sg:web to any rate 5 10', '8: allow any to any rate 6 10', '9: deny any to sg:web rate 7 10'];

test.serial('a switch that is gone before a step is made: nothing of it stays prepared', async t => {
	await install(render());
	const step = {device, previous: state, next: render(rated7)};
	await steps.check(step);
	t.deepEqual(await oracle.meters(), [7]);
	switches.isGone = true;
	t.like(await t.throwsAsync(steps.apply(step), {instanceOf: DeviceError}), {isAsBefore: true});
	switches.isGone = false;
	t.deepEqual(await oracle.meters(), []);
	t.deepEqual(await installed(), cookies(state));
});

test.serial('a step that was prepared on a connection that is closed is prepared again', async t => {
	await install(render());
	const step = {device, previous: state, next: render(rated7)};
	await steps.check(step);
	switches.close(device);
	await steps.apply(step);
	state = step.next;
	t.deepEqual([await oracle.meters(), await installed()], [[7], cookies(state)]);
});

test.serial('a step without an answer takes nothing from flows that may be there, and its way back leaves nothing of it', async t => {
	await install(render(rated7));
	const step = {device, previous: state, next: render(rated8)};
	switches.isSilent = true;
	t.like(await t.throwsAsync(steps.apply(step), {instanceOf: DeviceError, message: 's1 does not say whether it has changed. silent'}), {isAsBefore: false});
	switches.isSilent = false;
	t.deepEqual(await installed(), cookies(step.next));
	const back = {device, previous: step.next, next: state, perhaps: [state]};
	await steps.check(back);
	await steps.apply(back);
	t.deepEqual([await oracle.meters(), await installed()], [[7], cookies(state)]);
});

for (const [what, has] of [['the old', 0], ['the new', 1]] as const) {
	test.serial(`a switch that has ${what} flows, and nobody knows, gets the next ones`, async t => {
		await install(render(rated7));
		const [old, fresh, next] = [state, render(rated8), render(rated9, rated7)];
		await install([old, fresh][has] ?? old);
		const step = {device, previous: old, next, perhaps: [fresh]};
		await steps.check(step);
		await steps.apply(step);
		state = next;
		t.deepEqual([(await oracle.meters()).sort(), await installed()], [[7, 9], cookies(next)]);
	});
}

test.serial('a meter that somebody has left behind is no obstacle', async t => {
	await install(render());
	await addMeter(oracle.bridge, 'meter=8,pktps,band=type=drop,rate=1');
	await install(render(rated8));
	t.deepEqual(await oracle.meters(), [8]);
});

test.serial('a meter that cannot be deleted is told of once, and deleted later', async t => {
	const bridge = {...oracle.bridge, runDirectory: '/nowhere'};
	const meters = new SwitchMeters(bridge);
	const warnings: Error[] = [];
	const listener = (warning: Error) => warnings.push(warning);
	process.on('warning', listener);
	await meters.delete([20]);
	await meters.delete([20]);
	await new Promise(setImmediate);
	process.off('warning', listener);
	t.deepEqual(warnings.map(({message}) => message.slice(0, 52)), ['Switch s1 keeps meter 20, which nothing uses; the ne']);
	await addMeter(oracle.bridge, 'meter=20,pktps,band=type=drop,rate=1');
	bridge.runDirectory = oracle.bridge.runDirectory;
	await meters.delete([]);
	t.false((await oracle.meters()).includes(20));
});
