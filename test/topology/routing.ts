/** Every problem that routes, rules, neighbours and kernel settings can have, and that what is right is written back as it was read. */
import test from 'ava';
import {check} from '../../lib/topology/check.ts';
import {parseRoute, routeOptions} from '../../lib/topology/route-text.ts';
import {parseRoutingRule, ruleOptions} from '../../lib/topology/routing-rules.ts';
import type {HostOptions, RouteOptions, RouterOptions, RuleOptions, StationOptions} from '../../lib/topology/specs.ts';
import {interfaceSysctl, isSysctlValue, sysctlName} from '../../lib/topology/sysctls.ts';
import {ProblemsError, problemText} from '../../lib/util/problems.ts';
import {sketch} from '../helpers/sketch.ts';

/** Router r1 at 10.0.0.254 and host h1 at 10.0.0.1 on one wire, h2 on another one that has no addresses. */
function problemsOf({h1 = {}, r1 = {}, end = {}}: {h1?: HostOptions; r1?: RouterOptions; end?: StationOptions}): string[] {
	try {
		check(sketch(t => {
			const router = t.addRouter('r1', r1);
			t.addLink(t.addHost('h1', {ip: '10.0.0.1/24', ...h1}), router.interface({ip: '10.0.0.254/24', ...end}));
			t.addLink(t.addHost('h2', {ip: []}), router.interface({ip: []}));
		}));
		return [];
	} catch (error) {
		if (!(error instanceof ProblemsError)) {
			throw error;
		}

		return error.problems.map(problem => problemText(problem));
	}
}

const routeForm = 'Write it like {to: \'10.2.0.0/16\', via: \'10.0.0.254\'} or {to: \'default\', interface: \'eth0\'}.';
const ruleForm = 'Write it like {from: \'10.1.0.0/16\', table: 100}.';
const neighborForm = 'Write it like {address: \'10.0.0.2\', mac: \'02:00:00:00:00:02\'} or {address: \'10.0.0.2\', mac: \'h2\'}.';

const badRoute = test.macro<[route: object, expected: string]>({
	exec(t, route, expected) {
		t.deepEqual(problemsOf({r1: {routes: [route as RouteOptions]}}), [`r1: ${expected}`]);
	},
	title: (_, route, expected) => `a route ${JSON.stringify(route)}: ${expected.slice(0, 80)}`,
});

const to = '10.9.0.0/16';
test(badRoute, {to, nextHops: []}, `its route to "${to}" has neither via nor interface. ${routeForm}`);
test(badRoute, {to, nextHops: [{via: '10.0.0.1'}, {via: 'h2'}]}, `its route to "${to}" goes via "h2", which is no address. ${routeForm}`);
test(badRoute, {to, via: '10.0.0.1', nextHops: [{via: '10.0.0.2'}]}, `its route to "${to}" has nextHops beside via, interface or onlink. ${routeForm}`);
test(badRoute, {to, nextHops: [{via: '10.0.0.1'}, {via: '10.0.0.2', weight: 257}]}, `its route to "${to}" has a next hop of weight 257, and weights go from 1 to 256. ${routeForm}`);
test(badRoute, {to, nextHops: [{via: '10.0.0.1'}, {via: '10.7.0.2'}]}, `the next hop 10.7.0.2 of its route to ${to} lies in none of its subnets (10.0.0.0/24). Give the address of a neighbor, or give the node an address in that subnet.`);
test(badRoute, {to, nextHops: [{via: '10.0.0.1'}, {interface: 'r1-eth9'}]}, `its route to ${to} leaves by "r1-eth9", which it does not have. Name one of its interfaces: r1-eth0, r1-eth1.`);
test(badRoute, {to: 'fd09::/64', nextHops: [{interface: 'r1-eth0'}, {interface: 'r1-eth1'}]}, `its route to "fd09::/64" has several next hops, and IPv6 wants an address (via) of each. ${routeForm}`);
test(badRoute, {to, via: '10.7.0.2', interface: 'r1-eth1'}, `the next hop 10.7.0.2 of its route to ${to} lies in no subnet of it. Give the address of a neighbor, or give the node an address in that subnet, or say onlink: true.`);
test(badRoute, {to, via: '10.7.0.2', onlink: true}, `its route to "${to}" is onlink without both via and interface. ${routeForm}`);
test(badRoute, {to, type: 'nowhere'}, `its route to "${to}" is of the unknown type "nowhere". ${routeForm}`);
test(badRoute, {to, type: 'blackhole', via: '10.0.0.1'}, `its route to "${to}" is of type blackhole and names a next hop. ${routeForm}`);
test(badRoute, {to, via: '10.0.0.1', table: 0}, `its route to "${to}" stands in table 0, and tables have numbers from 1 to 4294967295. ${routeForm}`);
test(badRoute, {to, via: '10.0.0.1', metric: 1.5}, `its route to "${to}" has the metric 1.5, and metrics go from 0 to 4294967295. ${routeForm}`);
test(badRoute, {to, via: '10.0.0.1', source: '10.0.0.1'}, `the source 10.0.0.1 of its route to ${to} is no address of it. Give one of its own addresses.`);
test(badRoute, {to, via: '10.0.0.1', source: 'me'}, `its route to "${to}" has the source "me", which is no address. ${routeForm}`);
test(badRoute, {to, via: '10.0.0.1', nexthops: []}, 'option routes has a value of the wrong kind. Give a list of routes, each with a destination (to).');

const bad = test.macro<[title: string, options: Parameters<typeof problemsOf>[0], expected: readonly string[]]>({
	exec(t, _, options, expected) {
		t.deepEqual(problemsOf(options), expected);
	},
	title: (_, title) => title,
});

test(bad, 'routes of one prefix that differ in metric or table', {r1: {routes: [{to, via: '10.0.0.1'}, {to, via: '10.0.0.1', metric: 5}, {to, via: '10.0.0.1', table: 7}, {to: 'default', type: 'blackhole', table: 7}]}}, []);
test(bad, 'a route twice in one table', {r1: {routes: [{to, via: '10.0.0.1', table: 7}, {to, type: 'prohibit', table: 7}]}}, [`r1: its route to ${to} repeats another route. Leave one of them out.`]);
test(bad, 'an onlink next hop', {r1: {routes: [{to, via: '192.0.2.1', interface: 'r1-eth1', onlink: true}]}}, []);
test(bad, 'a rule that names no prefix', {r1: {rules: [{from: '10.0.0.1/8', table: 5}]}}, [`r1: its rule names "10.0.0.1/8", which is no prefix (the host bits must be zero). ${ruleForm}`]);
test(bad, 'a rule of two families', {r1: {rules: [{from: '10.0.0.0/8', to: 'fd00::/64', table: 5}]}}, [`r1: its rule mixes IPv4 and IPv6. ${ruleForm}`]);
test(bad, 'a rule with a bad mark', {r1: {rules: [{mark: '5/x', table: 5}]}}, [`r1: its rule has the mark "5/x", which is neither a number nor VALUE/MASK. ${ruleForm}`]);
test(bad, 'a rule without a table', {r1: {rules: [{from: '10.0.0.0/8'} as never]}}, ['r1: option rules has a value of the wrong kind. Give a list of rules, each with a table.']);
test(bad, 'a rule for an unknown interface', {r1: {rules: [{interface: 'x', table: 5}]}}, ['r1: its rule interface x table 5 is for packets by "x", which it does not have. Name one of its interfaces: r1-eth0, r1-eth1.']);
test(bad, 'a rule twice', {r1: {rules: [{from: to, table: 5, priority: 9}, {from: to, table: 5, priority: 9}]}}, [`r1: its rule from ${to} table 5 stands there twice. Leave one of them out.`]);
test(bad, 'a neighbor that is no address', {r1: {neighbors: [{address: 'h1', mac: 'h1', interface: 'r1-eth0'}]}}, [`r1: its neighbor "h1" is no address. ${neighborForm}`]);
test(bad, 'a neighbor without an interface', {r1: {neighbors: [{address: '10.0.0.1', mac: 'h1'}]}}, [`r1: its neighbor 10.0.0.1 needs an interface: the node has 2 of them. ${neighborForm}`]);
test(bad, 'a neighbor on another wire', {r1: {neighbors: [{address: '10.0.0.9', mac: 'h2', interface: 'r1-eth0'}]}}, [`r1: its neighbor 10.0.0.9 has the MAC "h2", which is neither a MAC nor a node on the wire of r1-eth0. ${neighborForm}`]);
test(bad, 'a neighbor behind an unknown interface', {r1: {neighbors: [{address: '10.0.0.9', mac: '02:00:00:00:00:09', interface: 'x'}]}}, ['r1: its neighbor 10.0.0.9 is reached by "x", which it does not have. Name one of its interfaces: r1-eth0, r1-eth1.']);
test(bad, 'a neighbor that is the node itself', {h1: {neighbors: [{address: '10.0.0.1', mac: 'r1'}]}}, [`h1: its neighbor 10.0.0.1 is its own address. ${neighborForm}`]);
test(bad, 'a neighbor twice', {h1: {neighbors: [{address: '10.0.0.9', mac: 'r1'}, {address: '10.0.0.9', mac: '02:00:00:00:00:09'}]}}, ['h1: its neighbor 10.0.0.9 stands there twice. Leave one of them out.']);
test(bad, 'a neighbor of a family that the node does not speak', {h1: {neighbors: [{address: 'fd00::9', mac: 'r1'}]}}, ['h1: its neighbor fd00::9 has an IPv6 address, and the node speaks no IPv6. Give it an IPv6 address, or write settings = {ipv6: true}.']);
test(bad, 'a neighbor by name and the only interface', {h1: {neighbors: [{address: '10.0.0.254', mac: 'r1'}, {address: '10.0.0.9', mac: 'r1'}]}}, []);
test(bad, 'a filter nobody knows', {h1: {rpFilter: 'on' as never}}, ['h1: option rpFilter has a value of the wrong kind. Give one of off, strict, loose.']);
test(bad, 'settings of the whole machine', {r1: {sysctls: {'kernel/hostname': 'x', 'net/../kernel/hostname': 'x', 'net/ipv4/ip_default_ttl': '1\n2'}}}, [
	'r1: "kernel/hostname" among its sysctls is no kernel setting of its own. Name one of a network namespace, such as net/ipv4/tcp_syncookies.',
	'r1: "net/../kernel/hostname" among its sysctls is no kernel setting of its own. Name one of a network namespace, such as net/ipv4/tcp_syncookies.',
	'r1: the kernel setting net/ipv4/ip_default_ttl cannot be "1\uFFFD2". Give a number or words on one line.',
]);
test(bad, 'a setting of an interface by its whole name', {end: {sysctls: {'net/ipv4/conf/x/rp_filter': 1}}}, ['r1: "net/ipv4/conf/x/rp_filter" among its sysctls is no kernel setting of its own. Name one of an interface, such as ipv4/rp_filter or ipv6/neigh/proxy_delay.']);

test('a port has no settings of its own', t => {
	t.throws(() => check(sketch(each => each.addLink(each.addHost('h1'), (each.addSwitch('s1') as ReturnType<typeof each.addHost>).interface({sysctls: {'ipv4/rp_filter': 1}})))), {message: /s1: port s1-eth1 is given sysctls, but all ports of a lab share a namespace\. Leave out sysctls\./});
});

test('names of settings', t => {
	t.deepEqual(['net.ipv4.ip_forward', 'net/ipv4/conf/eth0/rp_filter', 'net', 'net/', '/net/ipv4', 'net//x', 'vm.swappiness'].map(sysctlName), ['net/ipv4/ip_forward', 'net/ipv4/conf/eth0/rp_filter', undefined, undefined, undefined, undefined, undefined]);
	t.deepEqual(['ipv4/rp_filter', 'ipv6/neigh/proxy_delay', 'ipv4/../x', 'rp_filter'].map(text => interfaceSysctl(text, 'a')), ['net/ipv4/conf/a/rp_filter', 'net/ipv6/neigh/a/proxy_delay', undefined, undefined]);
	t.deepEqual(['1', 5, '4096 87380 6291456', '', 'a\nb'].map(isSysctlValue), [true, true, true, false, false]);
});

for (const route of [
	{to: 'default', via: '10.0.0.1'}, {to: 'default', via: 'fd00::1', interface: 'a'}, {to: '::/0', interface: 'a'}, {to: '10.0.0.1', interface: 'a'}, {to, type: 'prohibit', table: 5, metric: 7},
	{to, nextHops: [{via: '10.0.0.1', interface: 'a', weight: 5}, {interface: 'b'}, {via: '192.0.2.1', interface: 'c', onlink: true}], source: '10.0.0.9'},
] satisfies RouteOptions[]) {
	test(`a route is written back as it was read: ${JSON.stringify(route)}`, t => {
		t.deepEqual(routeOptions(parseRoute(route)), route);
	});
}

test('of a route what goes without saying is left out', t => {
	t.deepEqual(routeOptions(parseRoute({to: 'fd00::/64', nextHops: [{via: 'fd01::1', weight: 3}], table: 254, metric: 1024})), {to: 'fd00::/64', via: 'fd01::1'});
});

for (const rule of [{from: to, table: 5}, {to: 'fd00::/64', interface: 'lo', table: 5, priority: 7}, {mark: 5, table: 5}, {mark: '5/255', table: 70_000, family: 6}] satisfies RuleOptions[]) {
	test(`a rule is written back as it was read: ${JSON.stringify(rule)}`, t => {
		t.deepEqual(ruleOptions(parseRoutingRule(rule)), rule);
	});
}
