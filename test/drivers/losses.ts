/** Hits of rules that a change takes from devices: with drivers that count what the test tells them. */
import test from 'ava';
import type {FirewallDriver} from '../../lib/drivers/driver.ts';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {compiled, switchPlan} from '../helpers/plans.ts';
import {ofRuleIds} from '../helpers/rule-ids.ts';

type Counter = {
	readonly deeds: string[];
	/** By device and rule. */
	readonly counts: Map<string, Map<number, number>>;
	readonly driver: FirewallDriver<readonly number[]>;
};

/** Counts begin at 0 with a rule, and are gone with it. @param refuses whether a device takes a change */
function counter(refuses: (device: string, next: readonly number[]) => boolean = () => false): Counter {
	const deeds: string[] = [];
	const counts = new Map<string, Map<number, number>>();
	const driver: FirewallDriver<readonly number[]> = {
		...ofRuleIds(),
		async apply({device, next}) {
			deeds.push(`apply ${device}`);
			if (refuses(device, next)) {
				throw new SecureNetError('no', 'no');
			}

			counts.set(device, new Map(next.map(id => [id, counts.get(device)?.get(id) ?? 0])));
			return Promise.resolve();
		},
		async list(devices) {
			deeds.push('list');
			return Promise.resolve(new Map([...devices.keys()].map(device => [device, [...counts.get(device) ?? []].map(([rule, packets]) => ({text: '', sentence: undefined, packets, rule}))])));
		},
	};
	return {deeds, counts, driver};
}

const plan = (device: string, ...ids: readonly number[]) => switchPlan({device, rules: ids.map(id => `${id}: allow any to any`)});

/** Asks the devices at once, and tells when the promise says so. */
function quick({counts}: Counter, told: Promise<unknown> = Promise.resolve()): NonNullable<FirewallDriver<readonly number[]>['counted']> {
	return async devices => {
		const now = new Map([...devices].map(([device, {rules}]) => [device, new Map(Array.from(rules, id => [id, counts.get(device)?.get(id) ?? 0]))]));
		await told;
		return now;
	};
}

test('a change does not wait for a driver that tells quickly, and hits go on', async t => {
	t.timeout(10_000, 'the change waits for the count, which waits for the change');
	const all = counter();
	let tell: () => void = () => undefined;
	const told = new Promise<void>(resolve => {
		tell = resolve;
	});
	const driver: typeof all.driver = {...all.driver, counted: quick(all, told), async apply(step) {
		await all.driver.apply(step);
		if (step.next.length === 1) {
			tell();
		}
	}};
	const firewall = new Firewall(() => driver);
	await firewall.apply(compiled(plan('s1', 1, 2), plan('s2', 1, 2)));
	all.counts.get('s1')?.set(2, 5);
	await firewall.apply(compiled(plan('s1', 1), plan('s2', 1, 2)), [1, 2]);
	t.is((await firewall.hits()).get(2), 5);
});

test('other drivers tell before anything changes', async t => {
	const all = counter();
	const driver: typeof all.driver = {...all.driver, async list(devices) {
		await new Promise(setImmediate);
		return all.driver.list(devices);
	}};
	const firewall = new Firewall(() => driver);
	await firewall.apply(compiled(plan('s1', 1, 2), plan('s2', 1)));
	all.counts.get('s1')?.set(2, 5);
	all.deeds.length = 0;
	await firewall.apply(compiled(plan('s1', 1), plan('s2', 2)), [1, 2]);
	t.deepEqual(all.deeds.slice(0, 3), ['list', 'apply s1', 'apply s2']);
	t.is((await firewall.hits()).get(2), 5);
});

test('a device that cannot tell what is to be lost refuses the change; of a quick one the change stands, with a warning', async t => {
	const all = counter();
	let {driver} = all;
	const firewall = new Firewall(() => driver);
	await firewall.apply(compiled(plan('s1', 1, 2)));
	all.deeds.length = 0;
	const silent = async () => Promise.reject(new Error('silent'));
	driver = Object.assign(driver, {list: silent});
	await t.throwsAsync(firewall.apply(compiled(plan('s1', 1)), [1, 2]), {message: 'silent'});
	t.deepEqual(all.deeds, []);
	driver = Object.assign(driver, {counted: silent});
	const warned = new Promise<Error>(resolve => {
		process.once('warning', resolve);
	});
	t.deepEqual(await firewall.apply(compiled(plan('s1', 1)), [1, 2]), ['s1']);
	t.is((await warned).message, 'Hits of rules that left devices are not known: silent');
});

for (const isQuick of [true, false]) {
	test(`a deletion that one device refuses keeps the hits of the others, whose driver tells ${isQuick ? 'quickly' : 'as a list'}`, async t => {
		const all = counter((device, next) => device === 's2' && next.length === 1);
		const driver = {...all.driver, ...isQuick ? {counted: quick(all)} : {}};
		const firewall = new Firewall(() => driver);
		await firewall.apply(compiled(plan('s1', 1, 2), plan('s2', 1, 2)));
		all.counts.get('s1')?.set(2, 5);
		await t.throwsAsync(firewall.apply(compiled(plan('s1', 1), plan('s2', 1)), [1]), {code: 'no'});
		t.is(all.counts.get('s1')?.get(2), 0, 'the device has it anew');
		t.is((await firewall.hits()).get(2), 5);
	});
}
