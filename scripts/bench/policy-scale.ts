/**
How long changes of a large policy take, from the sentence until they are in force on every switch and firewall, and how flows and times grow with members + rules.

	node --import tsx scripts/bench/policy-scale.ts [--quick] [--runs N] [--json FILE]
*/
import {Lab} from '../../lib/index.ts';
import {compile} from '../../lib/policy/compile.ts';
import {Campus, campusPolicy, groupName, scattered, setName} from './campus.ts';
import type {Size} from './campus.ts';
import {type Row, median, progress, readOptions, report} from './report.ts';

const options = readOptions(15);
const size: Size = options.quick ? {hosts: 100, groups: 10, rules: 100} : {hosts: 1000, groups: 100, rules: 1000};
const networks = options.quick ? 4 : 20;
const largeSet = options.quick ? 1000 : 10_000;
/** Members + rules. */
const growth = options.quick ? [20, 200] : [100, 1000, 10_000];

report({
	[`${size.rules} rules over ${size.groups} groups of ${size.hosts} hosts on ${networks} switches and a firewall`]: await measureChanges(),
	'Growth with members + rules, on 4 switches': await measureGrowth(),
}, options);

async function measureChanges(): Promise<Row[]> {
	await using lab = await upCampus(size.hosts, networks);
	const {nodes} = lab.network;
	const whole = await timed(Math.min(3, options.runs), async () => lab.change(() => campusPolicy(nodes, size)), async () => lab.change(policy => ({...policy, groups: new Map(), ipgs: new Map(), rules: []})));
	await lab.change(() => campusPolicy(nodes, size));
	const lines = async (text: string, undo: () => string): Promise<readonly number[]> => timed(options.runs, async () => lab.run(text), async () => lab.run(undo()));
	const [first, second] = [groupName(3), groupName(7)];
	const addresses = scattered(largeSet);
	const range = `198.18.0.1-198.18.${largeSet >> 8}.${largeSet & 255}`;
	const [member, other] = [...lab.policy.groups.get(first) ?? []];
	await lab.run(`${other ?? ''} bind ${second}`);
	return [
		row('the whole policy at once', whole),
		row('a rule more', await lines(`secrule add allow ${first} to ${second} tcp dport 8443`, () => `secrule del ${lab.policy.nextId - 1}`)),
		row('a rule before all others', await lines(`secrule add deny ${first} to ${second} tcp dport 23 prio 1`, () => `secrule del ${lab.policy.nextId - 1}`)),
		row('a member more', await lines(`${member ?? ''} bind ${second}`, () => `${member ?? ''} unbind ${second}`)),
		row('a member less', await lines(`${other ?? ''} unbind ${first}`, () => `${other ?? ''} bind ${first}`)),
		row('a host that leaves its only group', await lines(`${member ?? ''} unbind ${first}`, () => `${member ?? ''} bind ${first}`)),
		row(`${largeSet} addresses declared`, await lines(`secrule ipg add declared ${addresses.join(' ')}`, () => 'secrule ipg del declared')),
		row(`${largeSet} addresses more in a set in use`, await timed(1, async () => lab.run(`secrule ipg add ${setName(0)} ${addresses.join(' ')}`), async () => lab.run(`secrule ipg del ${setName(0)} ${addresses.join(' ')}`))),
		row('a range of as many', await lines(`secrule ipg add ${setName(0)} ${range}`, () => `secrule ipg del ${setName(0)} ${range}`)),
	];
}

/** A lab of its own for each size: what an earlier policy has left in caches would flatter the next. */
async function measureGrowth(): Promise<Row[]> {
	const rows: Row[] = [];
	for (const total of growth) {
		const hosts = Math.min(total / 2, 1000);
		const of = {hosts, groups: Math.min(100, hosts / 5), rules: total / 2, addresses: (total / 2) - hosts};
		await using lab = await upCampus(hosts, 4);
		const empty = await installedOf(lab);
		const policy = campusPolicy(lab.network.nodes, of);
		// What the compiler remembers belongs to one inventory, and this is another one each time.
		const compiled = await timed(options.runs, () => compile(policy, {...lab.inventory}));
		const took = await timed(Math.min(2, options.runs), async () => lab.change(() => policy), async () => lab.change(() => ({...policy, groups: new Map(), ipgs: new Map(), rules: []})));
		await lab.change(() => policy);
		const full = await installedOf(lab);
		rows.push({
			'members + rules': total, 'flows of a switch': full.flows - empty.flows, 'flows for each': (full.flows - empty.flows) / total, 'rules of the firewall': full.rules - empty.rules,
			'compiled ms': median(compiled), 'in force ms': median(took), 'ms for each': (median(took) ?? NaN) / total,
		});
	}

	return rows;
}

async function upCampus(hosts: number, networksOfIt: number): Promise<Lab> {
	progress(`${hosts} hosts on ${networksOfIt} switches`);
	return Lab.up(new Campus({hosts, networks: networksOfIt}), {name: `bench-${process.pid}`});
}

async function installedOf(lab: Lab): Promise<{flows: number; rules: number}> {
	const installed = await lab.installed(['s1', 'fw']);
	return {flows: installed.get('s1')?.length ?? 0, rules: installed.get('fw')?.length ?? 0};
}

/** Milliseconds of each run; the first is not counted, it translates what the others find translated. @param undo not timed */
async function timed(runs: number, work: () => unknown, undo: () => unknown = () => undefined): Promise<number[]> {
	const took: number[] = [];
	for (let run = 0; run <= runs; run++) {
		const began = performance.now();
		await work();
		took.push(performance.now() - began);
		await undo();
	}

	progress(took.map(ms => ms.toFixed(1)).join(' '));
	return took.slice(1);
}

function row(change: string, took: readonly number[]): Row {
	return {'change': change, 'median ms': median(took), 'fastest ms': Math.min(...took), 'slowest ms': Math.max(...took)};
}
