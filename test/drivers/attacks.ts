/** Packets that an attacker made to slip past the policy, given to real Open vSwitch flows. */
import test from 'ava';
import {FlowOracle, trunk} from '../helpers/flow-oracle.ts';
import {switchPlan} from '../helpers/plans.ts';
import {attacked, everybody, router} from '../helpers/attack-sketch.ts';
import type {Sketch} from '../helpers/plans.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

const mac = (port: number) => `02:00:00:00:00:0${port}`;
const base = {...attacked, ports: [1, 2, 3, 4, trunk]} satisfies Sketch;

type Frame = {readonly from: number; readonly to: number | string; readonly what: string; readonly mac?: string; readonly state?: string; readonly sketch?: Sketch};

/** Which of the plan's ports a frame leaves by. Nothing is learned, so what may pass to a host is flooded. */
const leaves = test.macro({
	async exec(t, {from, to, what, mac: source = mac(from === trunk ? 9 : from), state = 'trk,new', sketch = base}: Frame, expected: readonly number[]) {
		await oracle.install(switchPlan(sketch));
		const flow = `in_port=${from},dl_src=${source},dl_dst=${typeof to === 'string' ? to : mac(to)},${what}`;
		const ports = (await oracle.ports(flow, [state])).filter(port => base.ports.includes(port));
		t.deepEqual(ports.sort((a, b) => a - b), [...expected]);
	},
	title: name => name ?? '',
});

const ip = (source: string, destination: string) => `nw_src=${source},nw_dst=${destination}`;
const [denied, open] = [ip('10.0.0.4', '10.0.0.3'), ip('10.0.0.3', '10.0.0.4')];
const ack = 'tcp_src=9,tcp_dst=9,tcp_flags=ack';
const ports = 'udp_src=9,udp_dst=9';
const flooded = [1, 2, 3, 4, trunk];
const butFrom = (...from: number[]) => flooded.filter(port => !from.includes(port));

test.serial('untracked: TCP from the middle of a connection meets the deny rules', leaves, {from: 4, to: 3, what: `tcp,${denied},${ack}`}, []);
test.serial('untracked: an invalid packet meets the deny rules', leaves, {from: 4, to: 3, what: `udp,${denied},${ports}`, state: 'trk,inv'}, []);
test.serial('untracked: what no rule denies passes between unbound hosts', leaves, {from: 3, to: 4, what: `tcp,${open},${ack}`}, butFrom(3));
test.serial('untracked: an invalid packet that no rule denies passes too', leaves, {from: 3, to: 4, what: `udp,${open},${ports}`, state: 'trk,inv'}, butFrom(3));
test.serial('untracked: no rule allows it to a bound host', leaves, {from: 1, to: 2, what: `tcp,${ip('10.0.0.1', '10.0.0.2')},${ack}`}, []);
test.serial('untracked: no rule of lists allows it to a bound host', leaves, {
	from: 1, to: 2, what: `tcp,${ip('10.0.0.1', '10.0.0.2')},${ack}`, sketch: {...base, rules: ['allow 10.0.0.1,10.0.0.7,10.0.0.9,10.0.0.12 to 10.0.0.2,10.0.0.8,10.0.0.10,10.0.0.13']},
}, []);
test.serial('a rule of lists still allows a first packet', leaves, {
	from: 1, to: 2, what: `tcp,${ip('10.0.0.1', '10.0.0.2')},tcp_flags=syn`, sketch: {...base, rules: ['allow 10.0.0.1,10.0.0.7,10.0.0.9,10.0.0.12 to 10.0.0.2,10.0.0.8,10.0.0.10,10.0.0.13']},
}, butFrom(1));
test.serial('untracked: an allow rule before a deny does not spare it', leaves, {
	from: 4, to: 3, what: `tcp,${denied},${ack}`, sketch: {...base, rules: ['1: allow 10.0.0.4 to any', '2: deny any to 10.0.0.3']},
}, []);

const lists = (action: string, clauses: string) => `${action} 10.0.0.4,10.0.0.7,10.0.0.9,10.0.0.12 to 10.0.0.3,10.0.0.8,10.0.0.10,10.0.0.13${clauses}`;
test.serial('untracked: a deny of lists after an allow of lists holds', leaves, {
	from: 4, to: 3, what: `tcp,${denied},${ack}`, sketch: {...base, rules: [lists('1: allow', ''), lists('2: deny', '')]},
}, []);
test.serial('untracked: a stateless rule of lists allows it after a stateful one', leaves, {
	from: 4, to: 3, what: `tcp,${denied},${ack}`, sketch: {...base, isolation: 'all', rules: [lists('1: allow', ''), lists('2: allow', ' tcp sport 1-100 dport 1-100 stateless')]},
}, butFrom(4));

for (const [rule, ...expected] of [
	['allow any to any stateless', 1, 2, 3, trunk],
	['allow any to any udp dport 9', 1, 2, 3, trunk],
	['allow any to any udp dport 8', 3, trunk],
	['reject any to any', 3, trunk],
] as const) {
	test.serial(`broadcast: ${rule}`, leaves, {from: 4, to: everybody, what: `udp,${ip('10.0.0.4', '10.0.0.255')},${ports}`, sketch: {...base, rules: [rule]}}, expected);
}

test.serial('broadcast MAC: an address of one host is judged as such', leaves, {from: 4, to: everybody, what: `udp,${denied},${ports}`}, []);
test.serial('broadcast MAC: a bound host that no rule opens gets nothing', leaves, {from: 4, to: everybody, what: `udp,${ip('10.0.0.4', '10.0.0.1')},${ports}`}, []);
test.serial('broadcast MAC: a permitted packet reaches its bound host and no other', leaves, {from: 2, to: everybody, what: `udp,${ip('10.0.0.2', '10.0.0.1')},${ports}`}, [1, 3, 4, trunk]);
test.serial('broadcast MAC: an address that nobody knows reaches no secured port', leaves, {from: 4, to: everybody, what: `udp,${ip('192.0.2.4', '192.0.2.1')},${ports}`}, [3, trunk]);

for (const [name, to, passes] of [
	['its own address', '10.0.0.2', true],
	['an allowed address', '10.9.0.7', true],
	['an alias', '10.0.0.77', false],
	['an address outside of all domains', '192.0.2.1', false],
] as const) {
	test.serial(`secured port: a frame to its MAC for ${name} ${passes ? 'passes' : 'does not'}`, leaves, {
		from: 4, to: 2, what: `udp,${ip('10.0.0.4', to)},${ports}`, sketch: {...base, isolation: 'none'},
	}, passes ? butFrom(4) : []);
}

const link = 'ipv6_src=fe80::ff:fe00:4';
test.serial('secured port: an IPv6 address that it has given itself', leaves, {from: 4, to: 2, what: `udp6,${link},ipv6_dst=fe80::77,${ports}`}, []);
test.serial('secured port: no discovery of an address that it has given itself', leaves, {from: 4, to: 2, what: `icmp6,${link},ipv6_dst=fe80::77,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,nd_target=fe80::77`}, []);
test.serial('secured port: neighbour discovery to its own address', leaves, {from: 4, to: 2, what: `icmp6,${link},ipv6_dst=fd00::2,icmpv6_type=136,icmpv6_code=0,nw_ttl=255,nd_target=fd00::4`}, butFrom(4));
test.serial('secured port: neighbour discovery to everybody', leaves, {from: 4, to: '33:33:00:00:00:01', what: `icmp6,${link},ipv6_dst=ff02::1,icmpv6_type=136,icmpv6_code=0,nw_ttl=255,nd_target=fd00::4`}, butFrom(4));
test.serial('secured port: an established connection to an address it has no more', leaves, {from: 4, to: 2, what: `udp,${ip('10.0.0.4', '10.0.0.77')},${ports},ct_mark=1`, state: 'trk,est'}, []);

const untold = 'nw_frag=first';
const [four, sixth] = [ip('10.0.0.4', '10.0.0.9'), 'ipv6_src=fd00::4,ipv6_dst=fd00::9'];
for (const [protocol, addresses, header] of [['tcp', four], ['tcp6', sixth], ['udp', four], ['udp6', sixth], ['sctp', four], ['sctp6', sixth], ['icmp6', sixth, 'icmpv6_type=0,icmpv6_code=0']] as const) {
	const fields = header ?? `${protocol.replace('6', '')}_src=0,${protocol.replace('6', '')}_dst=0`;
	const what = `${protocol},${addresses},${untold},${fields}`;
	test.serial(`fragments: a first one without its header, ${protocol}, is dropped where rules read headers`, leaves, {from: 4, to: 3, what, sketch: {...base, rules: ['deny any to any udp dport 53']}}, []);
	test.serial(`fragments: a first one without its header, ${protocol}, passes where nothing reads it`, leaves, {from: 4, to: 3, what, sketch: {...base, bound: '', hosts: base.hosts.map(host => host.replace(' bound', '')), rules: []}}, butFrom(4));
}

const linkLocal = 'fe80::ff:fe00:1';
const listens = (type: number, source: string, destination: string) => `icmp6,ipv6_src=${source},ipv6_dst=${destination},icmpv6_type=${type},icmpv6_code=0,nw_ttl=1`;
const solicits = (source: string, destination: string) => `icmp6,ipv6_src=${source},ipv6_dst=${destination},icmpv6_type=133,icmpv6_code=0,nw_ttl=255`;
const noSix = {...base, isolation: 'all', rules: []} satisfies Sketch;
const [toGroup, toRouters] = ['33:33:00:00:00:16', '33:33:00:00:00:02'];
test.serial('multicast listener: a report of a secured host', leaves, {from: 1, to: toGroup, what: listens(143, linkLocal, 'ff02::16'), sketch: noSix}, butFrom(1));
test.serial('multicast listener: none to one host', leaves, {from: 1, to: 3, what: listens(131, 'fd00::1', 'fd00::3'), sketch: noSix}, []);
test.serial('multicast listener: no query of a secured host', leaves, {from: 1, to: toGroup, what: listens(130, linkLocal, 'ff02::1'), sketch: {...base, isolation: 'none', rules: []}}, []);
test.serial('multicast listener: a query of a router', leaves, {from: trunk, to: toGroup, what: listens(130, 'fe80::9', 'ff02::1'), sketch: noSix}, butFrom(trunk));
test.serial('multicast listener: none of an unbound host to one host', leaves, {from: 4, to: 3, what: listens(132, 'fd00::4', 'fd00::3'), sketch: noSix}, []);
test.serial('router solicitation: to all routers', leaves, {from: 1, to: toRouters, what: solicits(linkLocal, 'ff02::2'), sketch: noSix}, butFrom(1));
test.serial('router solicitation: none to one host', leaves, {from: 1, to: 3, what: solicits(linkLocal, 'fd00::3'), sketch: noSix}, []);
test.serial('router solicitation: none of an unbound host to one host', leaves, {from: 4, to: 3, what: solicits('fd00::4', 'fd00::3'), sketch: noSix}, []);
test.serial('redirect: one of a secured host is judged', leaves, {from: 1, to: 3, what: `icmp6,ipv6_src=${linkLocal},ipv6_dst=fd00::3,icmpv6_type=137,icmpv6_code=0,nw_ttl=255`, sketch: noSix}, []);

const arpFrom = (address: string) => `arp,arp_op=2,arp_spa=${address},arp_tpa=10.0.0.3,arp_sha=${mac(4)},arp_tha=${mac(3)}`;
const advertises = (target: string) => `icmp6,ipv6_src=fd00::4,ipv6_dst=ff02::1,icmpv6_type=136,icmpv6_code=0,nw_ttl=255,nd_target=${target}`;
test.serial('address of a bound host: no packet comes from another host with it', leaves, {from: 4, to: 2, what: `udp,${ip('10.0.0.1', '10.0.0.2')},${ports}`}, []);
test.serial('address of a bound host: nor to an unbound one', leaves, {from: 4, to: 3, what: `udp,${ip('10.0.0.1', '10.0.0.3')},${ports}`}, []);
test.serial('address of a bound host: nor as part of a connection', leaves, {from: 4, to: 2, what: `udp,${ip('10.0.0.1', '10.0.0.2')},${ports},ct_mark=1`, state: 'trk,est'}, []);
test.serial('address of a bound host: nor with IPv6', leaves, {from: 4, to: 2, what: `udp6,ipv6_src=fd00::1,ipv6_dst=fd00::2,${ports}`}, []);
test.serial('address of a bound host: nor behind a priority tag', leaves, {from: 4, to: 2, what: `dl_vlan=0,dl_vlan_pcp=3,udp,${ip('10.0.0.1', '10.0.0.2')},${ports}`}, []);
test.serial('address of a bound host: nor when that one is at another switch', leaves, {from: 4, to: 2, what: `udp,${ip('10.0.0.77', '10.0.0.2')},${ports}`, sketch: {...base, bound: `${base.bound} 10.0.0.77`, rules: ['allow 10.0.0.77 to any']}}, []);
test.serial('address of a bound host: from where other switches are', leaves, {from: trunk, to: 2, what: `udp,${ip('10.0.0.77', '10.0.0.2')},${ports}`, sketch: {...base, bound: `${base.bound} 10.0.0.77`, rules: ['allow 10.0.0.77 to any']}}, [1, 2, 3, 4]);
test.serial('address of a bound host: a host of another network may have the same', leaves, {from: 4, to: 3, what: `udp,${ip('10.0.0.4', '10.0.0.3')},${ports}`, sketch: {...base, bound: `${base.bound} 10.0.0.4`, rules: []}}, butFrom(4));
test.serial('address of a bound host: who has lifted port security may use it', leaves, {from: 4, to: 2, what: `udp,${ip('10.0.0.1', '10.0.0.2')},${ports}`, sketch: {...base, hosts: [...base.hosts.slice(0, 3), '10.0.0.4 fd00::4 lifted']}}, butFrom(4));
test.serial('address of a bound host: nobody else tells ARP to have it', leaves, {from: 4, to: 3, what: arpFrom('10.0.0.1')}, []);
test.serial('address of a bound host: ARP for an own address', leaves, {from: 4, to: 3, what: arpFrom('10.0.0.4')}, butFrom(4));
test.serial('address of a bound host: nobody else advertises it', leaves, {from: 4, to: '33:33:00:00:00:01', what: advertises('fd00::1')}, []);
test.serial('address of a bound host: an advertisement of an own address', leaves, {from: 4, to: '33:33:00:00:00:01', what: advertises('fd00::4')}, butFrom(4));

test.serial('MAC of a secured host: no frame comes from elsewhere with it', leaves, {from: 4, to: 3, mac: mac(1), what: `udp,${ip('10.0.0.9', '10.0.0.3')},${ports}`}, []);
test.serial('MAC of a secured host: nor from another switch', leaves, {from: trunk, to: 3, mac: mac(1), what: `udp,${ip('10.0.0.9', '10.0.0.3')},${ports}`}, []);
test.serial('MAC of a secured host: nor with ARP', leaves, {from: 4, to: 3, mac: mac(1), what: arpFrom('10.0.0.4')}, []);
test.serial('MAC of a router: no frame comes from a host with it', leaves, {from: 4, to: 3, mac: router, what: `udp,${ip('10.0.0.9', '10.0.0.3')},${ports}`}, []);

test.serial('router: a frame to its MAC is not judged', leaves, {from: 4, to: router, what: `udp,${ip('10.0.0.4', '10.0.0.254')},${ports}`, sketch: {...base, isolation: 'all'}}, butFrom(4));
test.serial('router: its address in a frame to a host is judged', leaves, {from: 4, to: 3, what: `udp,${ip('10.0.0.4', '10.0.0.254')},${ports}`, sketch: {...base, isolation: 'all'}}, []);
test.serial('router: a rule for its address holds in a frame to a host', leaves, {from: 4, to: 3, what: `udp,${ip('10.0.0.4', '10.0.0.254')},${ports}`, sketch: {...base, rules: ['deny any to 10.0.0.254']}}, []);

const [toServer, toClient] = ['udp_src=68,udp_dst=67', 'udp_src=67,udp_dst=68'];
test.serial('DHCP: a question to everybody reaches no secured port', leaves, {from: 1, to: everybody, what: `udp,${ip('0.0.0.0', '255.255.255.255')},${toServer}`}, [3, 4, trunk]);
test.serial('DHCP: a question from its address reaches no secured port', leaves, {from: 1, to: everybody, what: `udp,${ip('10.0.0.1', '10.0.0.255')},${toServer}`}, [3, 4, trunk]);
test.serial('DHCP: a question to a secured host does not arrive', leaves, {from: 1, to: 2, what: `udp,${ip('10.0.0.1', '10.0.0.2')},${toServer}`}, []);
test.serial('DHCP: a question to a server does', leaves, {from: 1, to: 3, what: `udp,${ip('10.0.0.1', '10.0.0.3')},${toServer}`}, butFrom(1));
test.serial('DHCP: a question from no address to one host', leaves, {from: 1, to: 3, what: `udp,${ip('0.0.0.0', '10.0.0.3')},${toServer}`}, []);
test.serial('DHCP: a question to a group is judged', leaves, {from: 1, to: '01:00:5e:01:01:01', what: `udp,${ip('10.0.0.1', '224.1.1.1')},${toServer}`, sketch: {...base, isolation: 'all'}}, [2, trunk]);
const noDhcp6 = {...base, isolation: 'all', rules: ['deny any to fd00::3']} satisfies Sketch;
const toServer6 = (source: string, destination: string) => `udp6,ipv6_src=${source},ipv6_dst=${destination},udp_src=546,udp_dst=547`;
test.serial('DHCP: a question to all servers, IPv6', leaves, {from: 1, to: '33:33:00:01:00:02', what: toServer6('fe80::ff:fe00:1', 'ff02::1:2'), sketch: noDhcp6}, [3, 4, trunk]);
test.serial('DHCP: a question to another group is judged, IPv6', leaves, {from: 1, to: '33:33:00:00:00:01', what: toServer6('fe80::ff:fe00:1', 'ff02::1'), sketch: noDhcp6}, [trunk]);
test.serial('DHCP: a question to one server from the link-local address, IPv6', leaves, {from: 1, to: 3, what: toServer6('fe80::ff:fe00:1', 'fe80::ff:fe00:3'), sketch: noDhcp6}, butFrom(1));
test.serial('DHCP: a question to one server from another address is judged, IPv6', leaves, {from: 1, to: 3, what: toServer6('fd00::1', 'fd00::3'), sketch: noDhcp6}, []);
test.serial('DHCP: an answer meets the rules of an unbound host', leaves, {from: 4, to: 3, what: `udp,${denied},${toClient}`}, []);
test.serial('DHCP: an answer reaches a bound host', leaves, {from: 4, to: 2, what: `udp,${ip('10.0.0.4', '10.0.0.2')},${toClient}`}, butFrom(4));
test.serial('DHCP: an answer to everybody reaches bound hosts', leaves, {from: 4, to: everybody, what: `udp,${ip('10.0.0.4', '255.255.255.255')},${toClient}`}, butFrom(4));
test.serial('DHCP: an answer to everybody meets the rules of an unbound host that is judged', leaves, {from: 4, to: everybody, what: `udp,${ip('10.0.0.4', '255.255.255.255')},${toClient}`, sketch: {...base, isolation: 'all'}}, [1, 2, trunk]);

test.serial('priority tag: the packet inside meets the rules', leaves, {from: 4, to: 3, what: `dl_vlan=0,dl_vlan_pcp=3,udp,${denied},${ports}`}, []);
test.serial('priority tag: the packet inside passes where no rule denies it', leaves, {from: 3, to: 4, what: `dl_vlan=0,dl_vlan_pcp=3,udp,${open},${ports}`}, butFrom(3));
test.serial('priority tag: none from a secured port', leaves, {from: 1, to: 3, what: `dl_vlan=0,dl_vlan_pcp=3,udp,${ip('10.0.0.1', '10.0.0.3')},${ports}`}, []);
test.serial('another tag: to unsecured ports as it is', leaves, {from: 4, to: 3, what: `dl_vlan=5,dl_vlan_pcp=3,udp,${denied},${ports}`}, [3, trunk]);
