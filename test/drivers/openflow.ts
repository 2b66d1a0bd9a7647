/** The OpenFlow driver against a real Open vSwitch with dummy ports: packets, connections, counts, refusals. */
import test from 'ava';
import type {InstalledLine} from '../../lib/drivers/driver.ts';
import {DeviceError} from '../../lib/drivers/driver.ts';
import {createOpenflowDriver} from '../../lib/drivers/openflow.ts';
import {plainSwitch} from '../../lib/drivers/openflow-render.ts';
import type {FlowState} from '../../lib/drivers/openflow-render.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {bundle} from '../helpers/bundle.ts';
import {FlowOracle, trunk} from '../helpers/flow-oracle.ts';
import {switchPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

const driver = createOpenflowDriver({runDirectory: oracle.bridge.runDirectory});
const device = 's1';
let state: FlowState = plainSwitch;

const base = {
	sets: {'sg:db': '10.0.0.2 fd00::2', 'sg:web': '10.0.0.1 fd00::1'},
	bound: '10.0.0.1 10.0.0.2 fd00::1 fd00::2',
	domains: ['open:10.0.0.0/24 fd00::/64'],
	rules: ['1: allow sg:web to sg:db', '2: deny 10.0.0.3 to any'],
	hosts: ['10.0.0.1 fd00::1 bound', '10.0.0.2 fd00::2 bound +10.9.0.0/24', '10.0.0.3', '10.0.0.4 bound lifted'],
	ports: [1, 2, 3, 4, trunk],
} satisfies Sketch;

async function install(plan: DevicePlan): Promise<void> {
	const next = driver.render(plan, state);
	const step = {device, previous: state, next};
	await driver.check(step);
	await driver.apply(step);
	state = next;
}

const mac = (port: number) => `02:00:00:00:00:0${port}`;

/** Where a packet that opens no connection by itself comes out. */
const leaves = test.macro({
	async exec(t, flow: string, expected: readonly number[]) {
		await install(switchPlan(base));
		t.deepEqual((await oracle.ports(flow)).filter(port => port <= trunk).sort((a, b) => a - b), [...expected]);
	},
	title: name => `port security: ${name ?? ''}`,
});

const from1 = `in_port=1,dl_src=${mac(1)}`;
const all = [2, 3, 4, trunk];
test.serial('ARP for its own address', leaves, `${from1},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=${mac(1)}`, [...all, ...[5, 6, 7, 8, 9, 10, 11]].sort((a, b) => a - b));
test.serial('no ARP for another address', leaves, `${from1},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=2,arp_spa=10.0.0.2,arp_tpa=10.0.0.3,arp_sha=${mac(1)}`, []);
test.serial('no ARP that tells another MAC', leaves, `${from1},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=2,arp_spa=10.0.0.1,arp_tpa=10.0.0.3,arp_sha=${mac(2)}`, []);
test.serial('no other MAC', leaves, `in_port=1,dl_src=${mac(9)},dl_dst=${mac(2)},udp,nw_src=10.0.0.1,nw_dst=10.0.0.2`, []);
test.serial('no other IPv4 address', leaves, `${from1},dl_dst=${mac(2)},udp,nw_src=10.0.0.9,nw_dst=10.0.0.2`, []);
test.serial('no other IPv6 address', leaves, `${from1},dl_dst=${mac(2)},udp6,ipv6_src=fd00::9,ipv6_dst=fd00::2`, []);
test.serial('no ping from another IPv6 address', leaves, `${from1},dl_dst=${mac(2)},icmp6,ipv6_src=fd00::9,ipv6_dst=fd00::2,icmpv6_type=128,icmpv6_code=0`, []);
test.serial('no ping from no address', leaves, `${from1},dl_dst=${mac(3)},icmp6,ipv6_src=::,ipv6_dst=fd00::3,icmpv6_type=128,icmpv6_code=0`, []);
test.serial('neither ARP nor IP: nothing from a secured port', leaves, `${from1},dl_dst=${mac(3)},dl_type=0x88b5`, []);
test.serial('neither ARP nor IP: nothing to a secured port', leaves, `in_port=3,dl_src=${mac(3)},dl_dst=${mac(1)},dl_type=0x88b5`, [4, trunk]);
test.serial('no tagged frames from a secured port', leaves, `${from1},dl_dst=${mac(3)},dl_vlan=5,dl_vlan_pcp=0,ip,nw_src=10.0.0.1,nw_dst=10.0.0.3`, []);
test.serial('no router advertisement', leaves, `${from1},dl_dst=33:33:00:00:00:01,icmp6,ipv6_src=fe80::ff:fe00:1,ipv6_dst=ff02::1,icmpv6_type=134,icmpv6_code=0,nw_ttl=255`, []);
test.serial('no neighbour advertisement of another address', leaves, `${from1},dl_dst=${mac(3)},icmp6,ipv6_src=fd00::1,ipv6_dst=fd00::3,icmpv6_type=136,icmpv6_code=0,nw_ttl=255,nd_target=fd00::2,nd_tll=${mac(1)}`, []);
test.serial('no duplicate address detection for another address', leaves, `${from1},dl_dst=33:33:ff:00:00:02,icmp6,ipv6_src=::,ipv6_dst=ff02::1:ff00:2,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,nd_target=fd00::2`, []);
test.serial('no DHCP answer', leaves, `${from1},dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_src=10.0.0.1,nw_dst=255.255.255.255,udp_src=67,udp_dst=68`, []);
test.serial('no DHCPv6 answer', leaves, `${from1},dl_dst=${mac(3)},udp6,ipv6_src=fe80::ff:fe00:1,ipv6_dst=fe80::3,udp_src=547,udp_dst=546`, []);
test.serial('broadcast reaches bound hosts that a rule opens, unbound and lifted ones, and other switches', leaves, `${from1},dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_src=10.0.0.1,nw_dst=10.0.0.255,udp_src=9,udp_dst=9`, [2, 3, 4, trunk]);
test.serial('broadcast does not reach bound hosts that nothing opens', leaves, `in_port=${trunk},dl_src=${mac(9)},dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_src=10.0.0.9,nw_dst=255.255.255.255,udp_src=9,udp_dst=9`, [3, 4]);
test.serial('a broadcast address in a frame to one host opens nothing', leaves, `in_port=${trunk},dl_src=${mac(9)},dl_dst=${mac(1)},udp,nw_src=10.0.0.9,nw_dst=255.255.255.255,udp_src=9,udp_dst=9`, [3, 4]);
test.serial('IPv6 multicast is judged likewise', leaves, `${from1},dl_dst=33:33:00:00:00:01,udp6,ipv6_src=fd00::1,ipv6_dst=ff02::1,udp_src=9,udp_dst=9`, [2, 3, 4, trunk]);

for (const [name, flow] of [
	['neighbour solicitation', `${from1},dl_dst=33:33:ff:00:00:02,icmp6,ipv6_src=fd00::1,ipv6_dst=ff02::1:ff00:2,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,nd_target=fd00::2,nd_sll=${mac(1)}`],
	['neighbour advertisement of its own address', `${from1},dl_dst=${mac(3)},icmp6,ipv6_src=fd00::1,ipv6_dst=fd00::3,icmpv6_type=136,icmpv6_code=0,nw_ttl=255,nd_target=fd00::1,nd_tll=${mac(1)}`],
	['duplicate address detection for its own address', `${from1},dl_dst=33:33:ff:00:00:01,icmp6,ipv6_src=::,ipv6_dst=ff02::1:ff00:1,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,nd_target=fd00::1`],
	['multicast listener report before it has an address', `${from1},dl_dst=33:33:00:00:00:16,icmp6,ipv6_src=::,ipv6_dst=ff02::16,icmpv6_type=143,icmpv6_code=0,nw_ttl=1`],
	['DHCP request before it has an address', `${from1},dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_src=0.0.0.0,nw_dst=255.255.255.255,udp_src=68,udp_dst=67`],
	['DHCP answer of a server elsewhere', `in_port=${trunk},dl_src=${mac(9)},dl_dst=${mac(1)},udp,nw_src=10.0.0.9,nw_dst=10.0.0.1,udp_src=67,udp_dst=68`],
	['an allowed address', `in_port=2,dl_src=${mac(2)},dl_dst=${mac(3)},udp,nw_src=10.9.0.7,nw_dst=10.0.0.3,udp_src=9,udp_dst=9`],
	['any address where port security is lifted', `in_port=4,dl_src=${mac(9)},dl_dst=${mac(3)},udp,nw_src=10.0.0.77,nw_dst=10.0.0.3,udp_src=9,udp_dst=9`],
] as const) {
	test.serial(`port security: always allowed: ${name}`, async t => {
		await install(switchPlan(base));
		t.true((await oracle.ports(flow)).length > 0);
	});
}

for (const [name, state, flags, passes] of [
	['a TCP packet from the middle of nothing to a bound host', 'trk,new', 'ack', false],
	['an invalid packet to a bound host', 'trk,inv', 'syn', false],
	['a SYN', 'trk,new', 'syn', true],
] as const) {
	test.serial(`state: ${name} ${passes ? 'passes' : 'is dropped'}`, async t => {
		await install(switchPlan(base));
		const ports = await oracle.ports(`${from1},dl_dst=${mac(2)},tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tcp_src=9,tcp_dst=9,tcp_flags=${flags}`, [state]);
		t.is(ports.length > 0, passes);
	});
}

test.serial('state: between unbound hosts a switch is a switch, whatever the packet', async t => {
	await install(switchPlan(base));
	const ports = await oracle.ports(`in_port=${trunk},dl_src=${mac(9)},dl_dst=${mac(3)},tcp,nw_src=10.0.0.9,nw_dst=10.0.0.8,tcp_src=9,tcp_dst=9,tcp_flags=ack`, ['trk,new']);
	t.true(ports.length > 0);
});

/** A UDP packet from the host of one port to the host of another, in datapath notation. */
function udp(from: number, to: number, [source, destination] = [1000, 2000]): string {
	return `in_port(${from}),eth(src=${mac(from)},dst=${mac(to)}),eth_type(0x0800),ipv4(src=10.0.0.${from},dst=10.0.0.${to},proto=17,tos=0,ttl=64,frag=no),udp(src=${source},dst=${destination})`;
}

async function hits(rule: number): Promise<number> {
	const lines = await installed();
	return lines.filter(line => line.rule === rule).reduce((sum, {packets}) => sum + packets, 0);
}

test.serial('a connection: made by a rule, found, cut, and made anew only if a rule still says so', async t => {
	await install(switchPlan(base));
	await oracle.receive(1, udp(1, 2));
	await oracle.receive(2, udp(2, 1, [2000, 1000]));
	const connections = (await driver.connections(new Map([[device, state]]))).get(device) ?? [];
	t.like(connections, [{protocol: 'udp', source: '10.0.0.1', destination: '10.0.0.2', sport: 1000, dport: 2000}]);
	t.is(connections.length, 1);

	await install(switchPlan({...base, rules: base.rules.slice(1)}));
	await driver.settle();
	await driver.cut(device, state, connections);
	await oracle.receive(2, udp(2, 1, [2000, 1000]));
	await oracle.receive(1, udp(1, 2));
	t.deepEqual((await driver.connections(new Map([[device, state]]))).get(device), []);
});

test.serial('hits: the first packet of a connection, kept when the rule gets other flows', async t => {
	await install(switchPlan({...base, rules: ['7: allow sg:web to sg:db']}));
	await oracle.receive(1, udp(1, 2, [1, 1]));
	// Two packets that come at once are looked up together, before the first has made the connection.
	await driver.settle();
	await oracle.receive(1, udp(1, 2, [1, 1]));
	await oracle.receive(1, udp(1, 2, [2, 1]));
	await driver.settle();
	t.is(await hits(7), 2);
	await install(switchPlan({...base, rules: ['7: allow 10.0.0.1 to sg:db']}));
	t.is(await hits(7), 2);
	await oracle.receive(1, udp(1, 2, [3, 1]));
	await driver.settle();
	t.is(await hits(7), 3);
	t.deepEqual(await driver.counted?.(new Map([[device, {state, rules: new Set([7, 8])}]])), new Map([[device, new Map([[7, 3], [8, 0]])]]));
});

test.serial('hits: what is asked before a step is told of before it, whenever it is answered', async t => {
	await install(switchPlan({...base, rules: ['7: allow sg:web to sg:db']}));
	await oracle.receive(1, udp(1, 2, [8, 1]));
	await driver.settle();
	const had = await hits(7);
	t.true(had > 0);
	const step = {device, previous: state, next: driver.render(switchPlan({...base, rules: []}), state)};
	await driver.check(step);
	const counted = driver.counted?.(new Map([[device, {state, rules: new Set([7])}]]));
	await driver.apply(step);
	state = step.next;
	t.is((await counted)?.get(device)?.get(7), had);
});

test.serial('hits: a rule that comes back begins at 0', async t => {
	await install(switchPlan({...base, rules: ['7: allow sg:web to sg:db']}));
	await oracle.receive(1, udp(1, 2, [6, 1]));
	await driver.settle();
	await install(switchPlan({...base, rules: ['7: allow 10.0.0.1 to sg:db']}));
	t.true(await hits(7) > 0);
	await install(switchPlan({...base, rules: []}));
	await install(switchPlan({...base, rules: ['7: allow sg:web to sg:db']}));
	t.is(await hits(7), 0);
});

test.serial('hits: a rule that takes the place of another begins at 0', async t => {
	await install(switchPlan({...base, rules: ['7: allow sg:web to sg:db']}));
	await oracle.receive(1, udp(1, 2, [4, 1]));
	await install(switchPlan({...base, rules: ['8: allow sg:web to sg:db']}));
	t.is(await hits(8), 0);
	await oracle.receive(1, udp(1, 2, [5, 1]));
	await driver.settle();
	t.is(await hits(8), 1);
});

test.serial('lists every flow with its sentence, and those of others without', async t => {
	await install(switchPlan(base));
	await bundle(oracle.bridge, ['add table=0,priority=7,cookie=0x5,ip,nw_src=192.0.2.9,actions=drop']);
	const lines = await installed();
	t.deepEqual(lines.filter(({sentence}) => sentence === undefined).map(({text}) => text), ['table=0 priority=7 ip,nw_src=192.0.2.9 actions=drop']);
	t.true(lines.some(({rule, sentence}) => rule === 1 && sentence === 'allow sg:web to sg:db'));
	t.false(driver.differs(state, driver.render(switchPlan(base), state)));
	await bundle(oracle.bridge, ['delete_strict table=0,priority=7,ip,nw_src=192.0.2.9']);
});

test.serial('a refused flow changes nothing and names the rule', async t => {
	await install(switchPlan(base));
	const before = await oracle.dump();
	const next = driver.render(switchPlan({...base, rules: ['8: allow any to 10.0.0.2']}), state);
	const forged = {...next, rules: new Map([...next.rules].map(([id, flows]) => [id, flows.map(flow => id === 8 ? {...flow, actions: 'output:nowhere'} : flow)]))};
	for (const work of [driver.check({device, previous: state, next: forged}), driver.apply({device, previous: state, next: forged})]) {
		const error = await t.throwsAsync(async () => work, {instanceOf: DeviceError});
		t.like(error, {device: 's1', sentence: 'allow any to 10.0.0.2'});
	}

	t.deepEqual((await oracle.dump()).map(({cookie}) => cookie), before.map(({cookie}) => cookie));
});

test.serial('meters: there with the flows that name them, gone with them, and none left by a refused change', async t => {
	const rated = (id: number) => switchPlan({...base, rules: [`${id}: allow sg:web to sg:db rate 5 10`]});
	await install(rated(7));
	t.deepEqual(await oracle.meters(), [7]);
	const next = driver.render(rated(8), state);
	const forged = {...next, rules: new Map([...next.rules].map(([id, flows]) => [id, flows.map(flow => id === 8 ? {...flow, actions: 'output:nowhere'} : flow)]))};
	await t.throwsAsync(async () => driver.apply({device, previous: state, next: forged}), {instanceOf: DeviceError});
	t.deepEqual(await oracle.meters(), [7]);
	await install(rated(8));
	t.deepEqual(await oracle.meters(), [8]);
	await install(switchPlan(base));
	t.deepEqual(await oracle.meters(), []);
});

test.serial('the way back to a plain switch leaves one flow', async t => {
	await install(switchPlan(base));
	await driver.apply({device, previous: state, next: plainSwitch});
	state = plainSwitch;
	t.deepEqual((await oracle.dump()).map(({text}) => text), ['actions=NORMAL']);
});

async function installed(): Promise<InstalledLine[]> {
	return (await driver.list(new Map([[device, state]]))).get(device) ?? [];
}
