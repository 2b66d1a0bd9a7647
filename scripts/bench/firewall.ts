/**
What firewalls cost the packets: throughput and the first packet of a connection through a perimeter router with few and with many rules; and what is lost while whole policies are exchanged.

	node --import tsx scripts/bench/firewall.ts [--quick] [--runs N] [--json FILE]
*/
import {Lab, PingStream, type Policy, type RuleParts, Topology, emptyPolicy, iperf, parseAddress, policy as edits, probe} from '../../lib/index.ts';
import {firewallNames, firewalls} from '../../lib/topology/firewalls.ts';
import {type Row, median, progress, ratio, readOptions, report} from './report.ts';

const options = readOptions(3);
const seconds = options.quick ? 1 : 3;
const packets = options.quick ? 20 : 200;
const swaps = options.quick ? 10 : 60;
/** Of the policy; of these the last one is about the hosts. */
const manyRules = 1000;
const [h1, h2] = ['h1', 'h2'];
const allowPair: RuleParts = {action: 'allow', from: {kind: 'node', name: h1}, to: {kind: 'node', name: h2}};

/** Two hosts, and what stands between them. */
class Pair extends Topology.with({
	middle: {type: 'string', default: 'router', choices: ['router', 'perimeter', 'switch', 'bridge'], summary: 'the node between the hosts'},
}) {
	override build(): void {
		const {middle} = this.parameters;
		const isRouter = middle === 'router' || middle === 'perimeter';
		const m = isRouter ? this.addRouter('m', {perimeter: middle === 'perimeter'}) : middle === 'switch' ? this.addSwitch('m') : this.addBridge('m');
		for (const network of [1, 2]) {
			const host = this.addHost(`h${network}`, {ip: isRouter ? `10.0.${network}.1/24` : `10.0.0.${network}/24`});
			this.addLink(host, isRouter ? m.interface({ip: `10.0.${network}.254/24`}) : m);
		}
	}
}

report({
	'Through a perimeter firewall': await measureCosts(),
	[`Echo requests every 2 ms, ${swaps} times another policy that allows them`]: await measureLoss(),
}, options);

type Cost = {readonly gigabits: number | undefined; readonly first: number | undefined};

/** Each against a router without a firewall, in the same minute. */
async function measureCosts(): Promise<Row[]> {
	const without = await costOf('router', undefined, 0);
	const rows: Row[] = [costRow('none', 0, without, without, without)];
	for (const firewall of firewalls.router) {
		let few: Cost | undefined;
		for (const rules of [10, manyRules]) {
			const cost = await costOf('perimeter', firewall, rules);
			few ??= cost;
			rows.push(costRow(firewall, rules, cost, without, few));
		}
	}

	return rows;
}

function costRow(firewall: string, rules: number, cost: Cost, without: Cost, few: Cost): Row {
	return {firewall, rules, 'Gbit/s': cost.gigabits, 'of none': percent(without.gigabits, cost.gigabits), 'first packet ms': cost.first, 'of few rules': ratio(few.first, cost.first)};
}

function percent(whole: number | undefined, part: number | undefined): string | undefined {
	return whole === undefined || part === undefined ? undefined : `${Math.round(100 * part / whole)} %`;
}

async function costOf(middle: 'router' | 'perimeter', firewall: (typeof firewalls)['router'][number] | undefined, rules: number): Promise<Cost> {
	await using lab = await Lab.up(new Pair({middle}), {name: `bench-${process.pid}`, firewalls: firewall ? [firewall] : []});
	await lab.change(() => lastRuleAllows(rules));
	const [gigabits, first]: [number[], number[]] = [[], []];
	for (let run = 0; run < options.runs; run++) {
		const {bitsPerSecond} = await iperf(lab.network, h1, h2, {seconds});
		gigabits.push(bitsPerSecond / 1e9);
	}

	for (let packet = 0; packet < packets; packet++) {
		const {ms} = await probe(lab.network, {from: h1, to: h2, udp: 5001 + packet});
		first.push(ms);
	}

	progress(`${firewall ?? 'no firewall'}, ${rules} rules: ${gigabits.map(each => each.toFixed(2)).join(' ')} Gbit/s`);
	return {gigabits: median(gigabits), first: median(first)};
}

/** Rules of other addresses, each looked at and passed over, before the one that decides. */
function lastRuleAllows(rules: number): Policy {
	const other = (index: number): RuleParts => ({
		action: 'deny',
		from: {kind: 'prefix', prefix: {...parseAddress(`192.0.${index >> 8}.${index & 255}`), length: 32}},
		to: {kind: 'any'},
		traffic: {kind: 'ports', protocol: index % 2 === 0 ? 'tcp' : 'udp', dport: [{first: 1, last: 65_535}]},
	});
	return [...Array.from({length: Math.max(0, rules - 1)}, (_, index) => other(index)), allowPair].reduce((policy, rule) => edits.addRule(policy, rule), emptyPolicy('bound'));
}

/** The middle that a driver is for. */
async function measureLoss(): Promise<Row[]> {
	const rows: Row[] = [];
	for (const firewall of firewallNames) {
		const middle = firewalls.switch.some(name => name === firewall) ? 'switch' : firewall === 'nftables-bridge' ? 'bridge' : 'perimeter';
		await using lab = await Lab.up(new Pair({middle}), {name: `bench-${process.pid}`, firewalls: [firewall]});
		await lab.change(() => whole(lab, 0));
		const stream = await PingStream.open(lab.network, {from: h1, to: h2, interval: 2});
		for (let swap = 1; swap <= swaps; swap++) {
			await lab.change(() => whole(lab, swap));
			await stream.more(10);
		}

		const {sent, answered, unsent} = await stream.stop();
		rows.push({firewall, sent, 'lost': sent - answered, 'not sent': unsent.length});
	}

	return rows;
}

/** Policies that allow the pair, and have no group, rule or order in common with the one before. */
function whole(lab: Lab, swap: number): Policy {
	const {nodes} = lab.network;
	const [one, two] = [`a${swap % 2}`, `b${swap % 2}`];
	const bound = edits.bind(edits.bind({...emptyPolicy('bound'), nextId: (swap * 10) + 1}, nodes, h1, [one]), nodes, h2, [two]);
	const pair: RuleParts = {action: 'allow', from: {kind: 'group', name: one}, to: {kind: 'group', name: two}};
	return [pair, {...pair, from: pair.to, to: pair.from, traffic: {kind: 'ports', protocol: 'tcp', dport: [{first: 80, last: 80 + swap}]}} satisfies RuleParts]
		.reduce((policy, rule) => edits.addRule(policy, rule), bound);
}
