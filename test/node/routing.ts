/** What a topology says of routers and routes is what packets meet: every option on real packets. */
import test from 'ava';
import {Lab, type RouterOptions, type Topology} from '../../lib/index.ts';
import type {Interface} from '../../lib/link/interface.ts';
import {interfaceNames} from '../../lib/node/names.ts';
import {labOf} from '../helpers/scenario.ts';
import {longPatience} from '../helpers/patience.ts';
import {echo, isSilent} from '../helpers/pings.ts';
import {sketch} from '../helpers/sketch.ts';

/** h1 (.1.1) and h2 (.2.1) around r1, both families. */
function around(r1: RouterOptions = {}): Topology {
	return sketch(t => {
		const router = t.addRouter('r1', r1);
		for (const n of [1, 2]) {
			t.addLink(t.addHost(`h${n}`, {ip: [`10.0.${n}.1/24`, `fd0${n}::1/64`]}), router.interface({name: `if${n}`, ip: [`10.0.${n}.254/24`, `fd0${n}::fe/64`]}));
		}
	});
}

for (const {forwarding, forwarding6, expected} of [
	{expected: ['ttl 63', 'ttl 63']},
	{forwarding: false, expected: ['', '']},
	{forwarding: false, forwarding6: true, expected: ['', 'ttl 63']},
	{forwarding6: false, expected: ['ttl 63', '']},
]) {
	test.serial(`forwarding ${String(forwarding ?? 'default')}, forwarding6 ${String(forwarding6 ?? 'default')}: ${expected.map(word => word || 'nothing').join(', ')}`, async t => {
		const lab = await labOf(t, around({...forwarding === undefined ? {} : {forwarding}, ...forwarding6 === undefined ? {} : {forwarding6}}));
		for (const [index, to] of ['10.0.2.1', 'fd02::1'].entries()) {
			t.is(expected[index] === '' ? await isSilent(lab, 'h1', to) ? '' : 'an answer' : await echo(lab, 'h1', to), expected[index] ?? '');
		}
	});
}

/** Two hosts of one subnet on two sides of a router without addresses. */
function asSwitch(options: RouterOptions): Topology {
	return sketch(t => {
		const r1 = t.addRouter('r1', {...options, routes: [1, 2].flatMap(n => [{to: `10.0.0.${n}`, interface: `if${n}`}, {to: `fd00::${n}`, interface: `if${n}`}])});
		for (const n of [1, 2]) {
			t.addLink(t.addHost(`h${n}`, {ip: [`10.0.0.${n}/24`, `fd00::${n}/64`]}), r1.interface({name: `if${n}`, ip: []}));
		}
	});
}

test.serial('a router without addresses answers for others, by ARP and by NDP', async t => {
	const lab = await labOf(t, asSwitch({proxyArp: true, proxyNdp: true}));
	t.deepEqual([await echo(lab, 'h1', '10.0.0.2'), await echo(lab, 'h1', 'fd00::2'), await echo(lab, 'h2', 'fd00::1')], ['ttl 63', 'ttl 63', 'ttl 63']);
	const [mac] = lab.node('r1').interfaces.map(each => each.mac);
	t.deepEqual(lab.node('h1').neighbors().filter(({address}) => !address.startsWith('fe80')).map(each => [each.address, each.mac]), [['10.0.0.2', mac], ['fd00::2', mac]]);
});

test.serial('it answers for no family that it is not told to', async t => {
	const lab = await labOf(t, asSwitch({proxyArp: true}));
	t.is(await echo(lab, 'h1', '10.0.0.2'), 'ttl 63');
	t.true(await isSilent(lab, 'h1', 'fd00::2'));
});

for (const [rpFilter, toH2, arrives] of [['off', true, true], ['loose', true, true], ['loose', false, false], ['strict', true, false]] as const) {
	test.serial(`rpFilter ${rpFilter}: a source that is routed ${toH2 ? 'out of another interface' : 'nowhere'} ${arrives ? 'passes' : 'is dropped'}`, async t => {
		const lab = await labOf(t, sketch(each => {
			const r1 = each.addRouter('r1', {rpFilter, routes: toH2 ? [{to: '10.0.3.1', interface: 'if2'}] : []});
			each.addLink(each.addHost('h1', {ip: ['10.0.1.1/24', '10.0.3.1/32']}), r1.interface({name: 'if1', ip: '10.0.1.254/24'}));
			each.addLink(each.addHost('h2', {ip: '10.0.2.1/24'}), r1.interface({name: 'if2', ip: '10.0.2.254/24'}));
		}));
		t.is(await echo(lab, 'h1', '10.0.2.1'), 'ttl 63');
		const before = await echosAt(lab, 'h2');
		t.true(await isSilent(lab, 'h1', '10.0.2.1', '-I', '10.0.3.1'));
		t.is(await echosAt(lab, 'h2') - before, arrives ? 1 : 0);
	});
}

/** Echo requests that a host has got. */
async function echosAt(lab: Lab, host: string): Promise<number> {
	const {stdout} = await lab.node(host).execute(['cat', '/proc/net/snmp']);
	const [names = '', values = ''] = stdout.split('\n').filter(line => line.startsWith('Icmp:'));
	return Number(values.split(' ')[names.split(' ').indexOf('InEchos')]);
}

/** r1 and r2 on two wires; behind r2 h2 has 16 addresses. */
function twoWays(): Topology {
	return sketch(t => {
		const r1 = t.addRouter('r1', {routes: [{to: '10.2.0.0/24', nextHops: [{via: '10.8.1.2'}, {via: '10.8.2.2', interface: 'way2', weight: 2}]}]});
		// This end of the link that goes down only loses its carrier: without the setting its next hop would still be taken.
		const r2 = t.addRouter('r2', {sysctls: {'net/ipv4/conf/default/ignore_routes_with_linkdown': 1}, routes: [{to: '10.1.0.0/24', nextHops: [{via: '10.8.1.1'}, {via: '10.8.2.1'}]}]});
		t.addLink(r2.interface({ip: '10.8.1.2/24', name: 'way1'}), r1.interface({ip: '10.8.1.1/24', name: 'way1'}));
		t.addLink(r2.interface({ip: '10.8.2.2/24', name: 'way2'}), r1.interface({ip: '10.8.2.1/24', name: 'way2'}));
		t.addLink(t.addHost('h1', {ip: '10.1.0.1/24'}), r1.interface({ip: '10.1.0.254/24'}));
		t.addLink(t.addHost('h2', {ip: targets.map(address => `${address}/24`)}), r2.interface({ip: '10.2.0.254/24'}));
	});
}

const targets = Array.from({length: 16}, (_, n) => `10.2.0.${n + 1}`);

test.serial('several next hops share the destinations, and what one loses the other takes', async t => {
	const lab = await labOf(t, twoWays());
	const out = async () => new Set((await Promise.all(targets.map(async to => lab.node('r1').execute(['ip', 'route', 'get', to, 'from', '10.1.0.1', 'iif', 'r1-eth2'])))).map(({stdout}) => / dev (\w+)/.exec(stdout)?.[1]));
	t.deepEqual([...await out()].sort(), ['way1', 'way2']);
	t.deepEqual(new Set(await Promise.all(targets.map(async to => echo(lab, 'h1', to)))), new Set(['ttl 62']));
	const [link] = lab.network.linksBetween('r1', 'r2');
	link?.down();
	// The kernel tells of a lost carrier up to a second later.
	const end = performance.now() + longPatience;
	const answers = async () => new Set(await Promise.all(targets.map(async to => echo(lab, 'h1', to, '-W', '1'))));
	let last = await answers();
	while (performance.now() < end && !(last.size === 1 && last.has('ttl 62'))) {
		last = await answers();
	}

	t.deepEqual(last, new Set(['ttl 62']));
	link?.up();
	t.deepEqual(lab.node('r1').routes().find(({to}) => to === '10.2.0.0/24')?.nextHops, [{via: '10.8.1.2', interface: 'way1'}, {via: '10.8.2.2', interface: 'way2', weight: 2}]);
	t.deepEqual([...await out()].sort(), ['way1', 'way2']);
});

for (const [type, words] of [['blackhole', ''], ['unreachable', 'Destination Host Unreachable'], ['prohibit', 'Packet filtered']] as const) {
	test.serial(`a route of type ${type}: ${words || 'silence'}`, async t => {
		const lab = await labOf(t, around({routes: [{to: '10.0.2.1', type}, {to: 'fd02::1', type}]}));
		t.is(type === 'blackhole' ? await isSilent(lab, 'h1', '10.0.2.1') ? '' : 'an answer' : (await echo(lab, 'h1', '10.0.2.1')).replace(/^From \S+ /, ''), words);
	});
}

test.serial('rules choose the table, by source, interface and mark', async t => {
	const lab = await labOf(t, around({
		rules: [{from: '10.0.1.1', table: 100}, {interface: 'if1', family: 6, table: 101}, {mark: 7, table: 102}],
		routes: [{to: '10.0.2.0/24', type: 'prohibit', table: 100}, {to: 'fd02::/64', type: 'prohibit', table: 101}, {to: '10.0.1.0/24', type: 'unreachable', table: 102}],
	}));
	t.is(await echo(lab, 'h1', '10.0.2.1'), 'Packet filtered');
	t.regex(await echo(lab, 'h1', 'fd02::1'), /prohibited/);
	// What answers to h1 finds its way: the rules are for what h1 sends.
	t.is(await echo(lab, 'h2', '10.0.1.254'), 'ttl 64');
	t.is(await echo(lab, 'r1', '10.0.1.1'), 'ttl 64');
	t.regex((await lab.node('r1').execute(['ping', '-n', '-c', '1', '-m', '7', '10.0.1.1'])).stderr, /No route to host|unreachable/);
	t.deepEqual(lab.node('r1').rules().filter(({priority}) => priority >= 1000 && priority < 2000).map(({priority, family, table}) => [priority, family, table]), [[1000, 4, 100], [1002, 4, 102], [1001, 6, 101]]);
});

test.serial('a neighbor that is told is not asked for: by MAC, and by the name of the node', async t => {
	const lab = await labOf(t, sketch(each => {
		const s1 = each.addBridge('b1');
		each.addLink(each.addHost('h1', {ip: '10.0.0.1/24', neighbors: [{address: '10.0.0.2', mac: 'h2'}, {address: '10.0.0.3', mac: '02:00:00:00:00:99', interface: 'h1-eth0'}]}), s1);
		each.addLink(each.addHost('h2', {ip: '10.0.0.2/24'}), s1);
		each.addLink(each.addHost('h3', {ip: '10.0.0.3/24'}), s1);
	}));
	t.deepEqual(lab.node('h1').neighbors().map(({address, mac, state}) => [address, mac, state]), [['10.0.0.2', '02:00:0a:00:00:02', 'permanent'], ['10.0.0.3', '02:00:00:00:00:99', 'permanent']]);
	t.is(await echo(lab, 'h1', '10.0.0.2'), 'ttl 64');
	t.true(await isSilent(lab, 'h1', '10.0.0.3'));
});

test.serial('kernel settings of a node and of its interfaces, a source, an onlink next hop, metrics', async t => {
	const lab = await labOf(t, sketch(each => {
		const r1 = each.addRouter('r1', {sysctls: {'net/ipv4/ip_default_ttl': 99, 'net.ipv4.tcp_syncookies': 0, 'net/ipv4/conf/if2/rp_filter': 2}, routes: [
			{to: '10.9.0.0/16', via: '192.0.2.1', interface: 'if2', onlink: true, metric: 5}, {to: '10.9.0.0/16', via: '10.0.2.1'}, {to: '10.8.0.0/16', via: '10.0.2.1', source: '10.0.1.254'},
		]});
		each.addLink(each.addHost('h1', {ip: '10.0.1.1/24', sysctls: {'net/ipv4/icmp_echo_ignore_all': 1}}), r1.interface({name: 'if1', ip: '10.0.1.254/24', sysctls: {'ipv4/rp_filter': 1, 'ipv4/neigh/app_solicit': 2}}));
		each.addLink(each.addHost('h2', {ip: ['10.0.2.1/24', '10.8.0.1/16']}), r1.interface({name: 'if2', ip: '10.0.2.254/24'}));
	}));
	t.true(await isSilent(lab, 'r1', '10.0.1.1'));
	const r1 = lab.node('r1');
	t.deepEqual(['net.ipv4.ip_default_ttl', 'net/ipv4/tcp_syncookies', 'net/ipv4/conf/if1/rp_filter', 'net/ipv4/neigh/if1/app_solicit', 'net/ipv4/conf/if2/rp_filter'].map(name => r1.sysctl(name)), ['99', '0', '1', '2', '2']);
	t.deepEqual(r1.settings().interfaces.map(({name, rpFilter}) => [name, rpFilter]), [['if1', 'strict'], ['if2', 'loose']]);
	// Kernels with tunnels give every namespace a tunl0; where it is not there, one of that name comes.
	await r1.execute(['ip', 'link', 'add', 'more0', 'type', 'veth', 'peer', 'more1']);
	await r1.execute(['ip', 'link', 'add', 'tunl0', 'type', 'veth', 'peer', 'more2']);
	const names = () => r1.settings().interfaces.map(({name}) => name);
	t.deepEqual([names().slice(0, 4), names().includes('tunl0')], [['if1', 'if2', 'more0', 'more1'], false]);
	const [own] = r1.interfaces as [Interface];
	t.true(interfaceNames({namespace: r1.namespace, interfaces: [{...own, name: 'tunl0'}]}).includes('tunl0'), 'what a topology calls so is its own');
	await r1.execute(['ip', 'link', 'set', 'tunl0', 'up']);
	t.true(names().includes('tunl0'), 'somebody uses it');
	t.deepEqual(r1.routes().filter(({protocol}) => protocol === 'static'), [
		{to: '10.8.0.0/16', via: '10.0.2.1', interface: 'if2', source: '10.0.1.254', protocol: 'static'},
		{to: '10.9.0.0/16', via: '10.0.2.1', interface: 'if2', protocol: 'static'},
		{to: '10.9.0.0/16', via: '192.0.2.1', interface: 'if2', onlink: true, metric: 5, protocol: 'static'},
	]);
});

test.serial('a kernel setting that this kernel has not ends the start, and says so', async t => {
	const topology = (sysctls: Readonly<Record<string, string | number>>) => sketch(each => each.addHost('h1', {sysctls}));
	const error = await t.throwsAsync(Lab.up(topology({'net/ipv4/ip_forwrd': 1}), {name: `t${process.pid}-sysctl`}), {code: 'unknown-sysctl'});
	t.regex(error.message, /no setting net\/ipv4\/ip_forwrd .*Did you mean net\/ipv4\/ip_forward/);
	await t.throwsAsync(Lab.up(topology({'net/ipv4/ip_forward': 'often'}), {name: `t${process.pid}-sysctl`}), {code: 'sysctl', message: /net\/ipv4\/ip_forward = often: EINVAL/});
});
