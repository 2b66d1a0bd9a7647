/** What switches share is rendered by what a change touches, and comes out as if everything had been rendered anew. */
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import fc from 'fast-check';
import {type Flow, type FlowLine, diffTables} from '../../lib/drivers/flow.ts';
import {type SharedFlows, diffShared, renderShared} from '../../lib/drivers/openflow-shared.ts';
import {compile} from '../../lib/policy/compile.ts';
import {arbitraryScenario, policyOf} from '../helpers/arbitrary-policy.ts';
import {switchPlan} from '../helpers/plans.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('random policies, grown line by line and shrunk again: the short way and the long way render the same', t => {
	let short = 0;
	fc.assert(fc.property(arbitraryScenario({packets: 1, overlaps: true}), ({lines, blueprint, inventory}) => {
		const ordered = rulesFirst(lines);
		const lengths = [...ordered.keys()];
		let previous: SharedFlows | undefined;
		for (const length of [...lengths, ...lengths.toReversed()]) {
			const {shared} = compile(policyOf([...declarations, ...ordered.slice(0, length)], blueprint), inventory);
			const next = renderShared(shared, previous);
			const anew = renderShared({...shared}, {...next, plan: undefined});
			t.deepEqual(texts(next.flows), texts(anew.flows));
			t.deepEqual(previous && linesOf(diffShared(previous, next)), previous && linesOf(diffTables(previous.flows, next.flows)));
			short += previous && next.flows !== previous.flows && [...next.flows.values()].some(flow => flow === previous?.flows.get(flow.key)) ? 1 : 0;
			previous = next;
		}
	}), {numRuns: 60});
	t.true(short > 100, `the short way was taken ${short} times`);
});

test('an address more in a set touches that address and makes no other flow anew', t => {
	const plan = (addresses: string) => switchPlan({sets: {'sg:a': addresses, 'ipg:b': '10.0.0.0/16'}, bound: '10.0.0.1', domains: ['10.0.0.0/24'], rules: ['allow sg:a to ipg:b']}).shared;
	const shared = plan('10.0.0.1');
	const before = renderShared(shared, undefined);
	const after = renderShared({...shared, sets: plan('10.0.0.1 10.0.0.9').sets}, before);
	t.deepEqual([...after.flows.values()].filter(flow => before.flows.get(flow.key) !== flow).map(({sentence}) => sentence), ['source 10.0.0.9', 'destination 10.0.0.9']);
	t.deepEqual(diffTables(before.flows, after.flows).map(({line}) => line.split(' ', 1)[0]), ['add', 'add']);
});

test('what was rendered before is let go of', t => {
	const plan = switchPlan({sets: {'sg:a': Array.from({length: 2000}, (_, index) => `10.1.${index >> 8}.${index & 255}`).join(' ')}, rules: ['allow sg:a to any']}).shared;
	let state = renderShared(plan, undefined);
	const step = (index: number) => {
		const next = renderShared({...plan, sets: new Map(plan.sets).set('sg:b', {name: 'sg:b', prefixes: [{family: 4, value: BigInt(index), length: 32}]})}, state);
		diffShared(state, next);
		state = next;
	};
	const settled = (changes: number) => {
		for (let index = 0; index < changes; index++) {
			step(index);
		}

		collect();
		return process.memoryUsage().heapUsed;
	};

	const before = settled(20);
	// Each rendering that stayed would cost a map of 4,000 flows, 200 KB and more.
	t.true(settled(100) - before < 10 << 20);
});

const declarations = [...['blue', 'green', 'red'].map(group => `sg add ${group}`), ...['inner', 'outer'].map(set => `ipg add ${set}`)];

/** So that members come and go while rules name their sets. */
function rulesFirst(lines: readonly string[]): string[] {
	const isRule = (line: string): boolean => line.startsWith('secrule');
	return [...lines.filter(isRule), ...lines.filter(line => !isRule(line) && (line.split(' ').length > 3 || line.includes(' bind ')))];
}

function linesOf(changes: readonly FlowLine[]): string[] {
	return changes.map(({line}) => line).sort();
}

function texts(flows: ReadonlyMap<string, Flow>): string[] {
	return [...flows.values()].map(({key, actions, sentence}) => `${key} ${actions} ${sentence}`).sort();
}
