/** The styles of a switch: what each of its lists decides, counts and reports, and how one takes the place of another under running connections. */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import type {InstalledLine} from '../../lib/drivers/driver.ts';
import {type FlowStyle, ruleStages} from '../../lib/drivers/openflow-port-lists.ts';
import {type FlowState, allFlows, plainSwitch, renderFlows, unsupportedByFlows} from '../../lib/drivers/openflow-render.ts';
import {createOpenflowDriver} from '../../lib/drivers/openflow.ts';
import {limit, table} from '../../lib/drivers/pipeline.ts';
import {trace} from '../../lib/kernel/openflow.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {Sketch as Drawing} from '../helpers/blueprints.ts';
import {framesOf, udpDatagram} from '../helpers/dummy-frames.ts';
import {FlowOracle, trunk} from '../helpers/flow-oracle.ts';
import {type Sketch, switchPlan} from '../helpers/plans.ts';
import {labOf, losesNothing, openStream, pingDuring, staysOpen} from '../helpers/scenario.ts';

const styles = ['rules', 'sg', 'fwaas', 'both'] as const;
const withLists = ['fwaas', 'both'] as const;
const device = 's1';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

let style: FlowStyle = 'rules';
let state: FlowState = plainSwitch;
const driver = createOpenflowDriver({runDirectory: oracle.bridge.runDirectory, styleOf: () => style});

/** Hosts 1 and 2 are bound, host 3 is not; all others come over the trunk. */
const base = {
	bound: '10.0.0.1 10.0.0.2',
	domains: ['open:10.0.0.0/24'],
	hosts: ['10.0.0.1 bound', '10.0.0.2 bound', '10.0.0.3'],
	ports: [1, 2, 3, trunk],
} satisfies Sketch;

async function install(next: FlowState): Promise<void> {
	const step = {device, previous: state, next};
	await driver.check(step);
	await driver.apply(step);
	await driver.settle();
	state = next;
}

async function installPlan(as: FlowStyle, plan: DevicePlan): Promise<void> {
	style = as;
	await install(driver.render(plan, state));
}

async function installRules(as: FlowStyle, ...rules: readonly string[]): Promise<void> {
	await installPlan(as, switchPlan({...base, rules}));
}

const mac = (port: number) => `02:00:00:00:00:${String(port).padStart(2, '0')}`;
/** A UDP packet in the notation of a trace. What comes over the trunk has an address that no host here has. */
const packet = (from: number, to: number, port = 53) =>
	`in_port=${from},dl_src=${mac(from)},dl_dst=${mac(to)},udp,nw_src=10.0.0.${from},nw_dst=10.0.0.${to},udp_src=1,udp_dst=${port},nw_ttl=64`;

/** While it is a plain switch, it learns where everybody is; else what is for one host would leave by all ports. */
test.before(async () => {
	for (const port of base.ports) {
		await oracle.receive(port, framesOf(udpDatagram({macs: [mac(port), 'ff:ff:ff:ff:ff:ff'], addresses: [`10.0.0.${port}`, '10.0.0.255']}, [1, 1]))[0] ?? '');
	}
});

let lastPort = 20_000;
/** A connection of its own for each call. */
const opening = (from: number, to: number, port = 53) =>
	framesOf(udpDatagram({macs: [mac(from), mac(to)], addresses: [`10.0.0.${from}`, `10.0.0.${to}`]}, [++lastPort, port]));

async function send(from: number, frames: readonly string[]): Promise<void> {
	for (const frame of frames) {
		await oracle.receive(from, frame);
		await driver.settle();
	}
}

async function installed(): Promise<InstalledLine[]> {
	return (await driver.list(new Map([[device, state]]))).get(device) ?? [];
}

/** A rule that no test before has had, so that nobody has counted for it. */
let lastRule = 100;
const freshRule = () => ++lastRule;

/** Hits of a rule by the table whose flow counted them. */
async function hits(rule: number): Promise<Record<number, number>> {
	const counted = (await installed()).filter(line => line.rule === rule && line.packets > 0);
	return Object.fromEntries(counted.map(({text, packets}) => [Number(/table=(\d+)/.exec(text)?.[1]), packets]));
}

for (const each of styles) {
	test(`style ${each}: every table that a packet can come to has a flow for what nothing else in it matches`, t => {
		const flows = allFlows(renderFlows(switchPlan({...base, rules: ['allow any to any']}), plainSwitch, each));
		const reached = new Set<number>([0, ...flows.flatMap(({actions}) => [...actions.matchAll(/(?:goto_table:|resubmit\(,|table=)(\d+)/g)].map(([, number]) => Number(number)))]);
		const ends = flows.filter(({key}) => /^table=\d+,priority=0$/.test(key)).map(flow => flow.table);
		t.deepEqual(ends.sort((a, b) => a - b), [...reached].sort((a, b) => a - b));
	});
}

for (const each of withLists) {
	for (const stage of ruleStages[each]) {
		test.serial(`style ${each}: what a rule allows everywhere else is blocked when table ${stage.table} denies it`, async t => {
			await installRules(each, 'allow any to any');
			t.deepEqual(await oracle.ports(packet(1, 2)), [2]);
			const denying = [...state.rules].map(([id, flows]) => [id, flows.map(flow => flow.table === stage.table ? {...flow, actions: 'drop'} : flow)] as const);
			await install({...state, rules: new Map(denying)});
			t.deepEqual(await oracle.ports(packet(1, 2)), []);
		});
	}

	const final = ruleStages[each].at(-1)?.table ?? 0;

	test.serial(`style ${each}: a packet that crosses both lists is one hit, and one that comes from elsewhere is one`, async t => {
		const [allowing, denying] = [freshRule(), freshRule()];
		await installRules(each, `${allowing}: allow any to 10.0.0.2 udp dport 53`, `${denying}: deny any to 10.0.0.2`);
		await send(1, [...opening(1, 2), ...opening(1, 2)]);
		await send(trunk, opening(trunk, 2));
		t.deepEqual(await hits(allowing), {[final]: 3});
		await send(1, opening(1, 2, 54));
		await send(trunk, [...opening(trunk, 2, 54), ...opening(trunk, 2, 54)]);
		t.deepEqual(await hits(denying), {[table.egress]: 1, [table.ingress]: 2});
	});

	test.serial(`style ${each}: a rate is spent once`, async t => {
		await installRules(each, '7: allow any to any udp dport 7 rate 1 10');
		const [before, began] = [await oracle.sent(2), performance.now()];
		await send(3, Array.from({length: 30}, () => opening(3, 2, 7)).flat());
		const [passed, seconds] = [await oracle.sent(2) - before, (performance.now() - began) / 1000];
		t.true(passed >= 10 && passed <= 10 + seconds, `${passed} in ${seconds} s`);
	});

	for (const [rule, from] of [['9: allow any to any log', 1], ['9: deny any to any log', 1], ['9: deny any to any log', trunk], ['9: reject any to any log', 1]] as const) {
		test.serial(`style ${each}: reported once: ${rule}, of what comes by port ${from}`, async t => {
			await installRules(each, rule);
			t.is((await reports(t, packet(from, 2))).length, 1);
		});
	}

	test.serial(`style ${each}: a copy of a broadcast is judged by what goes to its receiver`, async t => {
		await installRules(each, 'deny any to 10.0.0.1', 'allow 10.0.0.3 to any');
		const broadcast = (from: number) => packet(from, 255).replace(mac(255), 'ff:ff:ff:ff:ff:ff');
		t.deepEqual(await oracle.ports(broadcast(3)), [2, trunk]);
		t.deepEqual(await oracle.ports(broadcast(2)), [3, trunk]);
	});

	test.serial(`style ${each}: what only passes here is judged`, async t => {
		await installRules(each, 'deny 10.0.0.8 to 10.0.0.9');
		const transit = (to: number) => `in_port=${trunk},dl_src=${mac(8)},dl_dst=${mac(to)},udp,nw_src=10.0.0.8,nw_dst=10.0.0.${to}`;
		t.deepEqual(await oracle.ports(transit(9)), []);
		t.not((await oracle.ports(transit(7))).length, 0);
	});

	test.serial(`style ${each}: a stateless rule makes no connection`, async t => {
		await installRules(each, 'allow any to any udp dport 53 stateless', 'allow any to any');
		t.deepEqual(await oracle.outcome(packet(1, 2), ['trk,new']), {ports: [2], mark: undefined});
		t.deepEqual(await oracle.outcome(packet(1, 2, 54), ['trk,new']), {ports: [2], mark: 1});
	});
}

async function reports(t: ExecutionContext, flow: string): Promise<string[]> {
	const actions = (await oracle.actions(flow, ['trk,new'])).join();
	t.log(actions);
	return [...actions.matchAll(/rule_cookie=\w+/g)].map(([cookie]) => cookie);
}

test('security groups only allow: every other rule is refused', t => {
	const plan = switchPlan({...base, rules: ['allow any to any', 'deny any to 10.0.0.1', 'reject any to 10.0.0.2']});
	const why = (action: string) => `security groups only allow, and the rest is denied by default; ${action} is for the drivers fwaas, both and openflow`;
	t.deepEqual(unsupportedByFlows(plan, 'netdev', 'sg'), [`"deny any to 10.0.0.1": ${why('deny')}`, `"reject any to 10.0.0.2": ${why('reject')}`]);
	t.deepEqual(unsupportedByFlows(plan, 'netdev', 'both'), []);
});

for (const [each, most] of [['rules', limit.judgedPorts], ['sg', limit.judgedPorts], ['fwaas', limit.judgedPorts], ['both', limit.judgedPortsOfBoth]] as const) {
	test.serial(`style ${each}: Open vSwitch follows a broadcast to as many ports as a switch may judge for`, async t => {
		const hosts = (count: number) => Array.from({length: count}, (_, index) => `10.1.${index >> 8}.${index & 255} bound`);
		const planOf = (count: number) => switchPlan({isolation: 'none', domains: ['open:10.0.0.0/8'], hosts: hosts(count)});
		t.deepEqual(unsupportedByFlows(planOf(most), 'netdev', each), []);
		t.deepEqual(unsupportedByFlows(planOf(most + 1), 'netdev', each), [`a switch holds at most ${most} ports of bound hosts, this policy needs ${most + 1}`]);
		await installPlan(each, planOf(most));
		const broadcast = `in_port=${most + 1},dl_src=${mac(0)},dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_src=10.0.0.1,nw_dst=255.255.255.255`;
		t.notRegex(await trace(oracle.bridge, broadcast, ['trk,new']), /Translation failed/);
	});
}

for (const before of styles) {
	for (const after of styles.filter(each => each !== before)) {
		test.serial(`from ${before} to ${after}: nothing of the old is left, and rules keep their hits`, async t => {
			const rule = freshRule();
			const plan = switchPlan({...base, rules: [`${rule}: allow 10.0.0.1 to 10.0.0.2`]});
			await install(plainSwitch);
			await installPlan(before, plan);
			await send(1, opening(1, 2));
			await installPlan(after, plan);
			t.is(sum(await hits(rule)), 1);
			const texts = (of: FlowState) => allFlows(of).map(({key, actions}) => `${key} ${actions}`).sort();
			t.deepEqual(texts(state), texts(renderFlows(plan, plainSwitch, after)));
			t.is((await oracle.dump()).length, allFlows(state).length);
			t.true((await installed()).every(({sentence}) => sentence !== undefined));
		});
	}
}

function sum(counts: Record<number, number>): number {
	return Object.values(counts).reduce((total, packets) => total + packets, 0);
}

test.serial('M1: a change of the driver loses no packet of what the policy allows, and opens nothing else', async t => {
	let current: FlowStyle = 'rules';
	const hosts = ['h1', 'h2', 'h3', 'h4'].map((host, index) => `${host} 10.0.0.${index + 1}/24 -- s1`);
	const lab = await labOf(t, new Drawing(hosts.join('\n')), {drivers: {switch: context => createOpenflowDriver({...context, styleOf: () => current})}});
	// Packets of a ping meet the rules each time, those of the stream are part of a connection.
	await lab.run('h1 bind a', 'h2 bind b', 'h3 bind c', 'h4 bind d', 'secrule add allow a to b tcp', 'secrule add allow a to b icmp stateless', 'secrule add allow b to a icmp stateless');
	const stream = await openStream(t, lab, 'tcp', 'h1', 'h2');
	const denied = lab.node('h3').execute(['ping', '-i', '0.002', '-c', '500', '-W', '1', lab.node('h4').address ?? '']);
	const allowed = await pingDuring(lab, 'h1', 'h2', async () => {
		for (current of Array.from({length: 20}, () => [...styles, ...styles.toReversed(), 'both', 'rules', 'fwaas', 'sg'] as const).flat()) {
			await lab.change(policy => policy);
		}
	});
	t.log(allowed);
	t.true(losesNothing(allowed));
	t.regex((await denied).stdout, /^500 packets transmitted, 0 received/m);
	t.true(await staysOpen(stream));
});
