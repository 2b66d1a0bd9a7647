/** Hits against a simple model of counters: whatever makes devices count anew, or is to begin anew, every packet counts once. */
import test from 'ava';
import fc from 'fast-check';
import type {FirewallDriver, InstalledLine} from '../../lib/drivers/driver.ts';
import {Hits, hitsByRule} from '../../lib/drivers/hits.ts';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import {compiled, perimeterPlan} from '../helpers/plans.ts';
import {ofRuleIds} from '../helpers/rule-ids.ts';

function line(rule: number | undefined, packets: number): InstalledLine {
	return {text: 'text', sentence: undefined, packets, ...rule === undefined ? {} : {rule}};
}

const packetsOf = (lines: ReadonlyMap<string, readonly InstalledLine[]>) => [...lines].map(([device, own]) => [device, own.map(({packets}) => packets)]);

test('hits are the packets of all lines of a rule', t => {
	t.deepEqual([...hitsByRule([line(1, 2), line(2, 0), line(undefined, 9), line(1, 3)])], [[1, 5], [2, 0]]);
});

test('until they are reset, lines are as the devices have them', t => {
	const lines = new Map([['s1', [line(1, 5)]]]);
	t.deepEqual(new Hits().of(lines), lines);
});

test('after a reset only what came since is left, by device and rule', t => {
	const hits = new Hits();
	hits.reset(new Map([['s1', [line(1, 5), line(2, 1), line(undefined, 7)]], ['fw', [line(1, 2)]]]));
	t.deepEqual(packetsOf(hits.of(new Map([['s1', [line(1, 6), line(2, 1), line(undefined, 9)]], ['fw', [line(1, 4)]]]))), [['s1', [1, 0, 9]], ['fw', [2]]]);
	hits.reset(new Map());
	t.deepEqual(packetsOf(hits.of(new Map([['s1', [line(1, 6)]]]))), [['s1', [6]]]);
});

test('a rule whose count is spread over other lines now is not counted twice', t => {
	const hits = new Hits();
	hits.reset(new Map([['s1', [line(1, 5)]]]));
	t.deepEqual(packetsOf(hits.of(new Map([['s1', [line(1, 2), line(1, 4)]]]))), [['s1', [0, 1]]]);
	t.deepEqual(packetsOf(hits.of(new Map([['s1', [line(1, 2)]]]))), [['s1', [0]]]);
});

test('what a device has lost is added to its first line, and counts where the rule is not there', t => {
	const hits = new Hits();
	hits.keep('s1', new Map([[1, 3]]));
	const lines = new Map([['s1', [line(1, 1), line(1, 1)]]]);
	t.deepEqual(packetsOf(hits.of(lines)), [['s1', [4, 1]]]);
	t.deepEqual([...hits.sum(lines)], [[1, 5]]);
	t.deepEqual([...hits.sum(new Map([['s1', []]]))], [[1, 3]]);
	hits.retain(new Set());
	t.deepEqual([...hits.sum(new Map([['s1', []]]))], []);
});

/** A driver whose devices count as real ones do: from 0 when a rule comes, and on as long as it stays. `refuses`: devices that take no change. `keeps`: devices that do not let go of what they have. */
function counting(refuses: ReadonlySet<string>, keeps: ReadonlySet<string>) {
	const counts = new Map<string, Map<number, number>>();
	const of = (device: string) => counts.get(device) ?? new Map<number, number>();
	const driver: FirewallDriver<readonly number[]> = {
		...ofRuleIds(),
		check: async () => Promise.resolve(),
		discard: async () => Promise.resolve(),
		async apply({device, next}) {
			if (refuses.has(device) || (keeps.has(device) && next === driver.plain)) {
				throw new Error('no');
			}

			counts.set(device, new Map(next.map(rule => [rule, of(device).get(rule) ?? 0])));
			return Promise.resolve();
		},
		// Two lines a rule, between which its count moves.
		list: async devices => Promise.resolve(new Map([...devices.keys()].map(device => [device, [...of(device)].flatMap(([rule, packets]) => [line(rule, packets >> 1), line(rule, packets - (packets >> 1))])]))),
		settle: async () => Promise.resolve(),
		connections: async () => Promise.resolve(new Map()),
		cut: async () => Promise.resolve(),
	};
	const hit = (device: string, rule: number): boolean => {
		const own = of(device);
		const isThere = own.has(rule);
		if (isThere) {
			own.set(rule, (own.get(rule) ?? 0) + 1);
		}

		return isThere;
	};
	return {driver, hit};
}

const devices = ['s1', 's2'];
const ids = [1, 2, 3];
type Deed =
	| {readonly kind: 'hit'; readonly device: string; readonly rule: number}
	/** Which rules each device has of those in the policy. */
	| {readonly kind: 'change'; readonly policy: readonly number[]; readonly of: ReadonlyArray<readonly number[]>; readonly refuses: readonly string[]; readonly keeps: readonly string[]; readonly exchanges: boolean}
	| {readonly kind: 'reset'};

const some = fc.subarray(ids);
const deed: fc.Arbitrary<Deed> = fc.oneof(
	{weight: 6, arbitrary: fc.record({kind: fc.constant('hit' as const), device: fc.constantFrom(...devices), rule: fc.constantFrom(...ids)})},
	{weight: 3, arbitrary: fc.record({
		kind: fc.constant('change' as const), policy: fc.constant(ids), of: fc.tuple(some, some),
		refuses: fc.oneof({weight: 4, arbitrary: fc.constant([])}, {weight: 1, arbitrary: fc.subarray(devices, {minLength: 1})}), keeps: fc.subarray(devices), exchanges: fc.boolean(),
	})},
	{weight: 1, arbitrary: fc.record({kind: fc.constant('change' as const), policy: some, of: fc.constant([[], []]), refuses: fc.constant([]), keeps: fc.constant([]), exchanges: fc.boolean()})},
	{weight: 1, arbitrary: fc.record({kind: fc.constant('reset' as const)})},
);

test('every packet counts once, until the hits are reset or the rule is gone', async t => {
	await fc.assert(fc.asyncProperty(fc.array(deed, {maxLength: 30}), async deeds => {
		const [refuses, keeps] = [new Set<string>(), new Set<string>()];
		let [now, other] = [counting(refuses, keeps), counting(refuses, keeps)];
		const firewall = new Firewall(() => now.driver);
		const expected = new Map<number, number>();
		const apply = async (of: ReadonlyArray<readonly number[]>, policy: readonly number[]) => {
			const plans = devices.map((device, index) => perimeterPlan({device, rules: (of[index] ?? []).filter(id => policy.includes(id)).map(id => `${id}: allow any to any`)}));
			await firewall.apply(compiled(...plans), policy);
			// What is not let go of is, with the next change; until then both drivers count.
			await firewall.retire().catch(() => undefined);
		};

		await apply([ids, ids], ids);
		for (const each of deeds) {
			if (each.kind === 'hit') {
				expected.set(each.rule, (expected.get(each.rule) ?? 0) + (now.hit(each.device, each.rule) ? 1 : 0));
				other.hit(each.device, each.rule);
			} else if (each.kind === 'reset') {
				await firewall.resetHits();
				expected.clear();
			} else {
				await attempt(each);
			}

			const hits = await firewall.hits();
			for (const id of ids) {
				t.is(hits.get(id) ?? 0, expected.get(id) ?? 0, `rule ${id}`);
			}
		}

		async function attempt({of, policy, refuses: refusing, keeps: keeping, exchanges}: Deed & {readonly kind: 'change'}): Promise<void> {
			refusing.forEach(device => refuses.add(device));
			keeping.forEach(device => keeps.add(device));
			[now, other] = exchanges ? [other, now] : [now, other];
			try {
				await apply(of, policy);
				ids.filter(id => !policy.includes(id)).forEach(id => expected.delete(id));
			} catch {
				[now, other] = exchanges ? [other, now] : [now, other];
			} finally {
				refuses.clear();
				keeps.clear();
			}
		}
	}), {numRuns: 300});
});
