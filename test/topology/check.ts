/** Every problem that a topology can have, one case a line, and the sentence it is answered with. */
import test from 'ava';
import {check} from '../../lib/topology/check.ts';
import type {HostOptions, InterfaceOptions, RouterOptions, Settings} from '../../lib/topology/specs.ts';
import type {NodeHandle, Topology} from '../../lib/topology/topology.ts';
import {ProblemsError, problemText} from '../../lib/util/problems.ts';
import {sketch} from '../helpers/sketch.ts';

type Case = {readonly title: string; readonly build: (t: Topology) => unknown; readonly settings?: Settings; readonly expected: string | readonly string[]};

function problemsOf({build, settings = {}}: Pick<Case, 'build' | 'settings'>): string[] {
	try {
		check(sketch(build, settings));
		return [];
	} catch (error) {
		if (!(error instanceof ProblemsError)) {
			throw error;
		}

		return error.problems.map(problem => problemText(problem));
	}
}

/** h1 on s1, with the options given. */
function host(options: HostOptions): (t: Topology) => unknown {
	return t => t.addLink(t.addHost('h1', options), t.addSwitch('s1'));
}

/** Router r1 at 10.0.0.254/24 and host h1 at 10.0.0.1/24 on one wire. */
function pair({h1 = {}, r1 = {}}: {h1?: HostOptions; r1?: RouterOptions}): (t: Topology) => unknown {
	return t => t.addLink(t.addHost('h1', {ip: '10.0.0.1/24', ...h1}), t.addRouter('r1', r1).interface({ip: '10.0.0.254/24'}));
}

/** Switches s1 to sN, linked as told: `12 23`. */
function switches(links: string, stp: readonly number[] = []): (t: Topology) => unknown {
	return t => {
		const all = new Map<string, NodeHandle>();
		for (let n = 1; n <= 4; n++) {
			all.set(`${n}`, n === 4 ? t.addBridge(`b${n}`, {stp: stp.includes(n)}) : t.addSwitch(`s${n}`, {stp: stp.includes(n)}));
		}

		for (const link of links.split(' ')) {
			t.addLink(all.get(link.charAt(0)) as never, all.get(link.charAt(1)) as never);
		}
	};
}

/** s1 with an end for h1 and one for h2. */
function ends(...options: readonly InterfaceOptions[]): (t: Topology) => unknown {
	return t => {
		const s1: NodeHandle = t.addSwitch('s1');
		for (const [n, each] of options.entries()) {
			t.addLink(s1.interface(each), t.addHost(`h${n + 1}`));
		}
	};
}

/** Router r1 with an interface for each of the addresses. */
function router(...ips: ReadonlyArray<string | readonly string[]>): (t: Topology) => unknown {
	return t => {
		const r1 = t.addRouter('r1');
		for (const [n, ip] of ips.entries()) {
			t.addLink(r1.interface({ip}), t.addSwitch(`s${n + 1}`));
		}
	};
}

const reserve = 'Begin with a letter, go on with letters, digits, _ or -.';
const between = 'Give an address between the first and the last of the subnet.';
const own = 'Give each interface an address of its own.';
const routeForm = 'Write it like {to: \'10.2.0.0/16\', via: \'10.0.0.254\'} or {to: \'default\', interface: \'eth0\'}.';
const stpHint = 'Give each of them {stp: true}, or take a link away.';
const single = 'Give an address for a single interface, such as 10.0.0.1/24.';
const subnetHint = 'Give each interface of a router a subnet of its own.';
const neighbor = 'Give the address of a neighbor, or give the node an address in that subnet.';
const macForm = 'Write six bytes, the first one even, like 02:00:00:00:00:01.';
const ask = 'Give a router there this address, or write gateway: \'none\'.';

const cases: readonly Case[] = [
	{title: 'a name that begins with a digit', build: t => t.addHost('9h'), expected: `9h: "9h" cannot name a node. ${reserve}`},
	{title: 'a name with a shell in it', build: t => t.addHost('h1;reboot\n'), expected: `h1;reboot\uFFFD: "h1;reboot\uFFFD" cannot name a node. ${reserve}`},
	{title: 'an empty name', build: t => t.addHost(''), expected: `: "" cannot name a node. ${reserve}`},
	{title: 'an address of a host that waits for its first link', build: t => [t.addHost('h1', {ip: '20.0.0.999/24'}), t.addHost('h2', {ip: '20.0.0.2'})], expected: [
		'h1: its address "20.0.0.999/24" is no address with a prefix length. Write it like 10.0.0.1/24 or fd00::1/64.',
		'h2: its address "20.0.0.2" is no address with a prefix length. Write it like 10.0.0.1/24 or fd00::1/64.',
	]},
	{title: 'a reserved name', build: t => t.addHost('any'), expected: 'any: "any" is a word of the prompt or of the rule language. Name it any1, for example.'},
	{title: 'a name too long', build: t => t.addHost('abcdefghijklmnop'), expected: 'abcdefghijklmnop: its name has 16 characters, and Linux allows 15. Shorten it.'},
	{title: 'a name twice', build: t => [t.addHost('a'), t.addHost('a')], expected: 'a: another host has that name already. Give each node a name of its own.'},
	{title: 'a name of two kinds', build: t => [t.addHost('a'), t.addSwitch('a')], expected: 'a: another node, a host, has that name already. Give each node a name of its own.'},
	{title: 'an option twice', build: t => t.addLink(t.addHost('h1', {ip: '10.0.0.1/8'}).interface({ip: '10.0.0.2/8'}), t.addSwitch('s1')), expected: 'h1: ip is given twice, by addHost() and by its first interface. Leave one of them out.'},
	{title: 'an allowed address that is none', build: host({allowedAddresses: ['10.0.0.0/8', '10.0.0.1/8']}), expected: 'h1: "10.0.0.1/8" among its allowedAddresses is neither an address nor a prefix. Write it like 10.0.0.9 or 10.9.0.0/16, host bits zero.'},

	{title: 'an unknown option', build: host({adress: '10.0.0.1/8', ipp: 'x'} as HostOptions), expected: ['h1: there is no option "adress" here. Known are ip, mac, gateway, routes, rules, neighbors, rpFilter, sysctls, allowedAddresses, portSecurity, joins.', 'h1: there is no option "ipp" here. Did you mean ip?']},
	{title: 'a number for a text', build: host({ip: 5 as never}), expected: 'h1: option ip has a value of the wrong kind. Give a text or a list of texts.'},
	{title: 'a text for a number', build: ends({port: '1' as never}), expected: 's1: option port has a value of the wrong kind. Give a number.'},
	{title: 'a text for a flag', build: t => t.addSwitch('s1', {stp: 'yes' as never}), expected: 's1: option stp has a value of the wrong kind. Give true or false.'},
	{title: 'a route without destination', build: host({routes: [{via: '10.0.0.1'} as never]}), expected: 'h1: option routes has a value of the wrong kind. Give a list of routes, each with a destination (to).'},
	{title: 'an isolation nobody knows', build: host({}), settings: {isolation: 'some' as never}, expected: 'settings: option isolation has a value of the wrong kind. Give one of bound, none, all.'},
	{title: 'a name that is no text', build: t => t.addHost(7 as never), expected: '7: option name has a value of the wrong kind. Give a text.'},

	{title: 'a link to another topology', build: t => sketch(other => t.addLink(t.addHost('h1'), other.addHost('h2'))).describe(), expected: 'h1: it is linked to "h2", a node of another topology (sketch). Link nodes that this topology added.'},
	{title: 'a link to itself', build: t => [t.addHost('h1')].map(h1 => t.addLink(h1, h1)), expected: 'h1: it is linked to itself. Link two nodes.'},
	{title: 'a port number on a host', build: t => t.addLink((t.addHost('h1') as NodeHandle).interface({port: 3}), t.addSwitch('s1')), expected: 'h1: port 3 is given, but the interfaces of a host have no port numbers. Leave out port, or name the interface.'},

	{title: 'a generated name too long', build: t => t.addLink(t.addHost('abcdefghijk'), t.addHost('h2')), expected: 'abcdefghijk: its interface name abcdefghijk-eth0 has 16 characters, and Linux allows 15. Shorten the node\'s name, or name the interface.'},
	{title: 'an interface name of two words', build: ends({name: 'a b'}), expected: `s1: "a b" cannot name an interface. ${reserve}`},
	{title: 'an interface name twice', build: ends({name: 'up'}, {name: 'up'}), expected: 's1: its interface name up is already taken by s1. Give each interface a name of its own.'},
	{title: 'a port named as a switch', build: ends({name: 's1'}), expected: 's1: its interface name s1 is already taken by switch s1. Give each interface a name of its own.'},
	{title: 'an interface named lo', build: t => t.addLink(t.addHost('h1').interface({name: 'lo'}), t.addHost('h2')), expected: 'h1: its interface name lo is already taken by the system. Give each interface a name of its own.'},
	{title: 'a port twice', build: ends({port: 2}, {port: 2}), expected: 's1: port 2 is used twice. Give each link a port of its own, or none.'},
	{title: 'port 0', build: ends({port: 0}), expected: 's1: port 0 is out of range. Number ports from 1 to 65279.'},
	{title: 'port 65280', build: ends({port: 65_280}), expected: ['s1: port 65280 is out of range. Number ports from 1 to 65279.']},
	{title: 'port 1.5', build: ends({port: 1.5, name: 'a'}), expected: 's1: port 1.5 is out of range. Number ports from 1 to 65279.'},
	{title: 'an MTU of 67', build: ends({mtu: 67}), expected: 's1: the MTU 67 of s1-eth1 is out of range. Give 68 to 65535 bytes.'},
	{title: 'an MTU of 65536', build: ends({mtu: 65_536}), expected: 's1: the MTU 65536 of s1-eth1 is out of range. Give 68 to 65535 bytes.'},
	{title: 'an MTU too small for IPv6', build: t => t.addLink(t.addHost('h1', {ip: 'fd00::1/64'}).interface({mtu: 1279}), t.addSwitch('s1')), expected: 'h1: the MTU 1279 of h1-eth0 is too small for IPv6. Give at least 1280 bytes, or leave out IPv6.'},
	{title: 'a malformed MAC', build: host({mac: '02:00:00:00:01'}), expected: `h1: the MAC "02:00:00:00:01" of h1-eth0 cannot be read. ${macForm}`},
	{title: 'a multicast MAC', build: host({mac: '01:00:5e:00:00:01'}), expected: `h1: the MAC "01:00:5e:00:00:01" of h1-eth0 is no address of a single interface. ${macForm}`},
	{title: 'the zero MAC', build: host({mac: '00:00:00:00:00:00'}), expected: `h1: the MAC "00:00:00:00:00:00" of h1-eth0 is no address of a single interface. ${macForm}`},
	{title: 'a MAC twice', build: t => t.addLink(t.addHost('h1', {mac: '02:00:00:00:00:0A'}), t.addHost('h2', {mac: '02:00:00:00:00:0a'})), expected: 'h2: the MAC 02:00:00:00:00:0a of h2-eth0 is already that of h1-eth0 of h1. Give each interface a MAC of its own, or none.'},
	{title: 'a bridge with 1,024 ports', build: t => [t.addBridge('b1')].map(b1 => Array.from({length: 1024}, (_, n) => t.addLink(b1, t.addHost(`h${n}`)))), expected: 'b1: it has 1024 ports, and a Linux bridge takes 1023. Use addSwitch(), or several bridges.'},

	{title: 'a malformed address', build: host({ip: '10.0.0.300/8'}), expected: 'h1: its address "10.0.0.300/8" cannot be read. Write it like 10.0.0.1/24 or fd00::1/64.'},
	{title: 'a malformed length', build: host({ip: '10.0.0.3/33'}), expected: 'h1: its address "10.0.0.3/33" cannot be read. Write it like 10.0.0.1/24 or fd00::1/64.'},
	{title: 'an address without a length', build: host({ip: ['10.0.0.3', 'fd00::3']}), expected: ['h1: its address 10.0.0.3 has no prefix length. Write it like 10.0.0.3/24.', 'h1: its address fd00::3 has no prefix length. Write it like fd00::3/64.']},
	{title: 'an address on a port', build: ends({ip: '10.0.0.9/8'}), expected: 's1: port s1-eth1 is given an address, but a switch has none. Leave out ip, or make it a router.'},
	{title: 'a network address', build: host({ip: ['10.0.1.0/24', 'fd00::/64']}), expected: [`h1: 10.0.1.0 is the network address of 10.0.1.0/24. ${between}`, `h1: fd00:: is the network address of fd00::/64. ${between}`]},
	{title: 'a broadcast address', build: host({ip: '10.0.1.255/24'}), expected: `h1: 10.0.1.255 is the broadcast address of 10.0.1.0/24. ${between}`},
	{title: 'a loopback address', build: host({ip: '127.0.0.1/24'}), expected: `h1: 127.0.0.1 is a loopback address. ${single}`},
	{title: 'a multicast address', build: host({ip: ['224.0.0.5/24', 'ff02::1/64']}), expected: [`h1: 224.0.0.5 is a multicast address. ${single}`, `h1: ff02::1 is a multicast address. ${single}`]},
	{title: 'an address twice', build: t => [t.addHost('h1', {ip: '10.0.0.9/24'}), t.addHost('h2', {ip: '10.0.0.9/24'})].reduce((a, b) => (t.addLink(a, b), a)), expected: `h2: 10.0.0.9 is already the address of h1 (h1-eth0). ${own}`},
	{title: 'an address twice on one interface', build: host({ip: ['fd00::1/64', 'fd00:0::1/64']}), expected: `h1: fd00::1 is already the address of h1 (h1-eth0). ${own}`},
	{title: 'a link-local address twice in a segment', build: t => t.addLink(t.addHost('h1', {ip: 'fe80::9/64'}), t.addHost('h2', {ip: 'fe80::9/64'})), expected: `h2: fe80::9 is already the address of h1 (h1-eth0). ${own}`},
	{title: 'overlapping subnets of a router', build: router('10.1.0.1/16', '10.1.2.1/24', '10.2.0.1/16'), expected: `r1: 10.1.2.0/24 of r1-eth1 lies in 10.1.0.0/16 of r1-eth0. ${subnetHint}`},
	{title: 'equal subnets of a router', build: router('fd00::1/64', ['10.0.0.1/8', 'fd00::2/64']), expected: `r1: fd00::/64 of r1-eth1 lies in fd00::/64 of r1-eth0. ${subnetHint}`},
	{title: 'an ipBase too small', build: t => ['h1', 'h2', 'h3'].map(name => t.addLink(t.addHost(name), t.addHost(`${name}x`, {ip: []}))), settings: {ipBase: '10.0.0.0/30'}, expected: 'settings: ipBase 10.0.0.0/30 is too small: 2 of 6 hosts get no address. Give a shorter prefix, such as 10.0.0.0/8.'},
	{title: 'an ipBase that is none', build: host({}), settings: {ipBase: '10.0.0.1/8'}, expected: 'settings: ipBase "10.0.0.1/8" is no IPv4 prefix. Write it like 10.0.0.0/8, host bits zero.'},
	{title: 'an ipBase of IPv6', build: host({}), settings: {ipBase: 'fd00::/64'}, expected: 'settings: ipBase "fd00::/64" is no IPv4 prefix. Write it like 10.0.0.0/8, host bits zero.'},

	{title: 'a triangle', build: switches('12 23 31'), expected: `s1 - s2 - s3: these form a loop, in which frames circle for ever, and s1, s2 and s3 are without stp. ${stpHint}`},
	{title: 'a triangle with a tail, partly with stp', build: switches('12 23 31 34', [1, 3]), expected: `s1 - s2 - s3: these form a loop, in which frames circle for ever, and s2 is without stp. ${stpHint}`},
	{title: 'parallel links between a switch and a bridge', build: switches('34 34', [3]), expected: `b4 - s3: these form a loop, in which frames circle for ever, and b4 is without stp. ${stpHint}`},

	{title: 'a malformed gateway', build: pair({h1: {gateway: '10.0.0.254/24'}}), expected: 'h1: its gateway "10.0.0.254/24" is no address. Write it like 10.0.0.254, without a length, or \'none\'.'},
	{title: 'a gateway in no subnet', build: pair({h1: {gateway: '10.9.0.254'}}), expected: `h1: its gateway 10.9.0.254 lies in none of its subnets (10.0.0.0/24). ${neighbor}`},
	{title: 'a gateway that nobody is', build: pair({h1: {gateway: '10.0.0.253'}}), expected: `h1: no node in its segment has its gateway 10.0.0.253. ${ask}`},
	{title: 'a gateway that the host is itself', build: pair({h1: {gateway: '10.0.0.1'}}), expected: 'h1: its gateway 10.0.0.1 is its own address. Give the address of a neighbor.'},
	{title: 'two gateways of a family', build: pair({h1: {gateway: ['10.0.0.254', '10.0.0.254']}}), expected: 'h1: its route to default (IPv4) repeats another route. Leave one of them out.'},
	{title: 'a gateway without an address', build: host({ip: [], gateway: '10.0.0.254'}), expected: `h1: its gateway 10.0.0.254 lies in no subnet of it. ${neighbor}`},
	{title: 'a route to nowhere', build: pair({r1: {routes: [{to: '10.1.0.1/16', via: '10.0.0.1'}]}}), expected: `r1: its route to "10.1.0.1/16" names no prefix (the host bits must be zero). ${routeForm}`},
	{title: 'a route via no address', build: pair({r1: {routes: [{to: '10.1.0.0/16', via: 'h1'}]}}), expected: `r1: its route to "10.1.0.0/16" goes via "h1", which is no address. ${routeForm}`},
	{title: 'a route via the other family', build: pair({r1: {routes: [{to: '10.1.0.0/16', via: 'fd00::1'}]}}), expected: `r1: its route to "10.1.0.0/16" goes via an address of the other family. ${routeForm}`},
	{title: 'a route via nothing', build: pair({r1: {routes: [{to: '10.1.0.0/16'}]}}), expected: `r1: its route to "10.1.0.0/16" has neither via nor interface. ${routeForm}`},
	{title: 'a next hop in no subnet', build: pair({r1: {routes: [{to: '10.1.0.0/16', via: '10.3.0.1'}]}}), expected: `r1: the next hop 10.3.0.1 of its route to 10.1.0.0/16 lies in none of its subnets (10.0.0.0/24). ${neighbor}`},
	{title: 'a link-local next hop without interface', build: pair({r1: {routes: [{to: 'fd09::/64', via: 'fe80::1'}]}}), expected: 'r1: the next hop fe80::1 of its route to fd09::/64 lies in none of its subnets (10.0.0.0/24). Name the interface as well.'},
	{title: 'an unknown interface', build: pair({r1: {routes: [{to: '10.1.0.0/16', interface: 'r1-eth1'}]}}), expected: 'r1: its route to 10.1.0.0/16 leaves by "r1-eth1", which it does not have. Name one of its interfaces: r1-eth0.'},
	{title: 'an interface of a host without links', build: t => t.addHost('h1', {routes: [{to: 'default', interface: 'eth0'}]}), expected: 'h1: its route to default (IPv4) leaves by "eth0", which it does not have. Link it first.'},
	{title: 'a route twice', build: pair({r1: {routes: [{to: '10.1.0.0/16', via: '10.0.0.1'}, {to: '10.1.0.0/16', interface: 'r1-eth0'}]}}), expected: 'r1: its route to 10.1.0.0/16 repeats another route. Leave one of them out.'},
	{title: 'a route to its own subnet', build: pair({r1: {routes: [{to: '10.0.0.0/24', via: '10.0.0.1'}]}}), expected: 'r1: its route to 10.0.0.0/24 repeats the subnet of r1-eth0. Leave one of them out.'},

	{title: 'many problems at once, consequences left out', build: t => t.addLink(t.addHost('to', {ip: '10.0.0.0/24', gateway: '10.7.0.1'}), t.addRouter('r1').interface({ip: 'x', mtu: 1})), expected: [
		'to: "to" is a word of the prompt or of the rule language. Name it to1, for example.',
		'r1: its address "x" cannot be read. Write it like 10.0.0.1/24 or fd00::1/64.',
		'r1: the MTU 1 of r1-eth0 is out of range. Give 68 to 65535 bytes.',
		`to: 10.0.0.0 is the network address of 10.0.0.0/24. ${between}`,
	]},
];

for (const {title, expected, ...rest} of cases) {
	test(`reports ${title}`, t => {
		t.deepEqual(problemsOf(rest), [expected].flat());
	});
}

const legal: ReadonlyArray<Omit<Case, 'expected'>> = [
	{title: 'nothing at all', build: () => undefined},
	{title: 'a host without links', build: t => t.addHost('h1')},
	{title: 'a router without addresses between two hosts of one subnet', build(t) {
		const r1 = t.addRouter('r1', {proxyArp: true, routes: [{to: '10.0.0.1', interface: 'vr_if1'}, {to: '10.0.0.2', interface: 'vr_if2'}]});
		t.addLink(t.addHost('h1', {ip: '10.0.0.1/24'}).interface({name: 'node_if0'}), r1.interface({name: 'vr_if1'}));
		t.addLink(t.addHost('h2', {ip: '10.0.0.2/24'}).interface({name: 'node_if0'}), r1.interface({name: 'vr_if2'}));
	}},
	{title: 'a gateway for which a proxy answers', build: t => t.addLink(t.addHost('h1', {ip: '10.0.0.1/24', gateway: '10.0.0.254'}), t.addRouter('r1', {proxyArp: true}))},
	{title: 'a gateway that is a host', build: t => t.addLink(t.addHost('h1', {gateway: '10.0.0.2'}), t.addHost('h2'))},
	{title: 'a next hop behind a route of its own', build: pair({r1: {routes: [{to: '10.9.0.0/16', via: '10.8.0.1'}, {to: '10.8.0.1', interface: 'r1-eth0'}]}})},
	{title: 'a link-local next hop with its interface', build: t => t.addLink(t.addRouter('r1', {routes: [{to: 'fd09::/64', via: 'fe80::1', interface: 'r1-eth0'}]}), t.addHost('h1', {ip: 'fd00::1/64'}))},
	{title: 'one link-local address on many wires', build: router('fe80::1/64', 'fe80::1/64')},
	{title: 'subnets of two addresses', build: t => t.addLink(t.addRouter('r1').interface({ip: ['10.0.0.0/31', 'fd00::/127']}), t.addRouter('r2').interface({ip: ['10.0.0.1/31', 'fd00::1/127']}))},
	{title: 'two addresses of one subnet on one interface of a router', build: router(['10.0.0.1/24', '10.0.0.2/24'], '10.0.1.1/24')},
	{title: 'a loop with stp', build: switches('12 23 34 41 34', [1, 2, 3, 4])},
	{title: 'parallel links between a host and a switch', build: t => [[t.addHost('h1'), t.addSwitch('s1')] as const].map(([h1, s1]) => [t.addLink(h1, s1), t.addLink(h1, s1)])},
	{title: 'a ring of routers', build: t => ['r1', 'r2', 'r3'].map(name => t.addRouter(name)).map((each, n, all) => t.addLink(each, all[(n + 1) % 3] ?? each))},
	{title: 'the first and the last port', build: ends({port: 1}, {port: 65_279})},
	{title: 'the smallest and the largest MTU', build: ends({mtu: 68}, {mtu: 65_535})},
	{title: 'a bridge with 1,023 ports', build: t => [t.addBridge('b1')].map(b1 => Array.from({length: 1023}, (_, n) => t.addLink(b1, t.addHost(`h${n}`))))},
	{title: 'a MAC on two networks', build: t => ['1', '2'].map(n => t.addLink(t.addHost(`h${n}`, {mac: '02:00:00:00:00:0a'}), t.addSwitch(`s${n}`)))},
	{title: 'names of 15 characters', build: t => t.addLink(t.addHost('abcdefghij'), t.addSwitch('abcdefghijklmno').interface({name: 'port'}))},
];

for (const {title, ...rest} of legal) {
	test(`accepts ${title}`, t => {
		t.deepEqual(problemsOf(rest), []);
	});
}

test('the message counts the problems and gives each a line', t => {
	t.throws(() => check(sketch(each => {
		each.addHost('to');
	})), {instanceOf: ProblemsError, message: /^Topology sketch has a problem:\n {2}to: .*\.$/});
	t.throws(() => check(sketch(each => {
		each.addHost('to');
		each.addHost('9');
	})), {instanceOf: ProblemsError, message: /^Topology sketch has 2 problems:\n {2}to: .*\n {2}9: .*$/});
});
