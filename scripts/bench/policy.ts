/**
How long a change of a large group takes until it is in effect on every switch and firewall, and that it then is.

	node --import tsx scripts/bench/policy.ts [--quick] [--runs N] [--json FILE]
*/
import {Lab, type Peer, type Policy, pingAll, policy as edits} from '../../lib/index.ts';
import {Campus} from './campus.ts';
import {type Row, median, readOptions, report} from './report.ts';

const options = readOptions(25);
const members = options.quick ? 50 : 500;
const rules = options.quick ? 20 : 200;
const networks = 5;
const teams = 20;
/** The host that is not a member; one rule lets members reach it. */
const server = `h${members + 1}`;

await using lab = await Lab.up(new Campus({hosts: members + 1, networks}), {name: `bench-${process.pid}`});
await lab.change(largePolicy);
report({[`A group of ${members} members, ${rules} rules, ${networks} switches and a firewall`]: await measure()}, options);

function largePolicy(empty: Policy): Policy {
	const {nodes} = lab.network;
	let policy = edits.bind(empty, nodes, server, ['servers']);
	for (let host = 1; host <= members; host++) {
		policy = edits.bind(policy, nodes, `h${host}`, ['members', `team${host % teams}`]);
	}

	for (let rule = 1; rule < rules; rule++) {
		policy = edits.addRule(policy, {action: 'allow', from: group(`team${rule % teams}`), to: group(`team${Math.floor(rule / teams)}`)});
	}

	return edits.addRule(policy, {action: 'allow', from: group('members'), to: group('servers')});
}

function group(name: string): Peer {
	return {kind: 'group', name};
}

/** The member's way to the server crosses the firewall. */
async function measure(): Promise<Row[]> {
	const lines = [{text: 'h2 unbind members', passes: 0}, {text: 'h2 bind members', passes: 1}].map(line => ({...line, took: [] as number[], effective: 0}));
	for (let run = 0; run < options.runs; run++) {
		for (const line of lines) {
			const [result] = await lab.run(line.text);
			const {received} = await pingAll(lab.network, {pairs: [['h2', server]], timeout: 100});
			line.took.push(result?.ms ?? NaN);
			line.effective += received === line.passes ? 1 : 0;
		}
	}

	return lines.map(({text, took, effective}) => ({'line': text, 'median ms': median(took), 'slowest ms': Math.max(...took), 'in effect when it returned': `${effective} of ${took.length}`}));
}
