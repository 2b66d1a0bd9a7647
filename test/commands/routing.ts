/** `NODE set`, `NODE route`, `NODE neighbor`, `NODE rule`: what they change while the lab runs, that it can be taken back, and where they find fault. */
import test, {type ExecutionContext} from 'ava';
import {findCommand, nextWords} from '../../lib/commands/find.ts';
import {Reader} from '../../lib/policy/reader.ts';
import type {Lab, NeighborListResult, RouteListResult, SetResult, Topology} from '../../lib/index.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';
import {patience} from '../helpers/patience.ts';
import {echo, isSilent} from '../helpers/pings.ts';
import {scene} from '../helpers/scene.ts';
import {labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

/** h1 and h2 of one subnet around r1, which has no addresses there; a third host behind a subnet of its own. */
function bare(): Topology {
	return sketch(t => {
		const r1 = t.addRouter('r1', {forwarding: false});
		for (const n of [1, 2]) {
			t.addLink(t.addHost(`h${n}`, {ip: [`10.0.0.${n}/24`, `fd00::${n}/64`]}), r1.interface({name: `if${n}`, ip: []}));
		}

		t.addLink(t.addHost('h3', {ip: ['10.3.0.1/24', 'fd03::1/64']}), r1.interface({name: 'if3', ip: ['10.3.0.254/24', 'fd03::fe/64']}));
	});
}

async function resultOf(lab: Lab, line: string): Promise<unknown> {
	const [answer] = await lab.run(line);
	return answer?.result;
}

/** Everything that lines of this file can change in a node, as the kernel has it. */
async function stateOf(lab: Lab, node: string): Promise<unknown> {
	const settings = await resultOf(lab, `${node} set`) as SetResult;
	const neighbors = await resultOf(lab, `${node} neighbor list`) as NeighborListResult;
	return [settings, await resultOf(lab, `${node} route list table all`), neighbors.filter(({state}) => state === 'permanent'), await resultOf(lab, `${node} rule list`)];
}

test.serial('forwarding, proxies and routes, one by one, and all taken back', async t => {
	const lab = await labOf(t, bare());
	const before = await stateOf(lab, 'r1');
	t.true(await isSilent(lab, 'h1', '10.0.0.2'));
	await lab.run('r1 set forward on', 'r1 set forward6 on', 'r1 set proxyArp on', 'r1 set proxyNdp on');
	await lab.run('r1 route add 10.0.0.1 dev if1', 'r1 route add 10.0.0.2 dev if2', 'r1 route add fd00::1 dev if1', 'r1 route add fd00::2 dev if2');
	await lab.run('-h1 neighbor del 10.0.0.2');
	t.is(await echo(lab, 'h1', '10.0.0.2'), 'ttl 63');
	t.is(await echo(lab, 'h1', 'fd00::2'), 'ttl 63');
	t.deepEqual(await resultOf(lab, 'r1 route list'), [
		{to: '10.0.0.1', interface: 'if1', protocol: 'static'}, {to: '10.0.0.2', interface: 'if2', protocol: 'static'}, {to: '10.3.0.0/24', interface: 'if3', source: '10.3.0.254', protocol: 'kernel'},
		{to: 'fd00::1', interface: 'if1', protocol: 'static'}, {to: 'fd00::2', interface: 'if2', protocol: 'static'}, {to: 'fd03::/64', interface: 'if3', metric: 256, protocol: 'kernel'},
	]);
	await lab.run('r1 route del fd00::2', 'r1 route del fd00::1 dev if1', 'r1 route del 10.0.0.2', 'r1 route del 10.0.0.1 dev if1');
	await lab.run('r1 set proxyNdp off', 'r1 set proxyArp off', 'r1 set forward6 off', 'r1 set forward off', 'h1 neighbor del 10.0.0.2', 'h1 neighbor del fd00::2');
	t.deepEqual(await stateOf(lab, 'r1'), before);
	t.true(await isSilent(lab, 'h1', '10.0.0.2'));
	t.true(await isSilent(lab, 'h1', 'fd00::2'));
	t.is((await lab.node('r1').execute(['ip', '-6', 'neighbor', 'show', 'proxy'])).stdout, '');
});

test.serial('proxied answers come at once', async t => {
	const lab = await labOf(t, bare());
	await lab.run('r1 set forward on', 'r1 route add 10.0.0.1 dev if1', 'r1 route add 10.0.0.2 dev if2', 'r1 set sysctl net.ipv4.neigh.if1.proxy_delay 80', 'r1 set proxyArp on if1');
	t.is(lab.node('r1').sysctl('net/ipv4/neigh/if1/proxy_delay'), '0');
	t.deepEqual(lab.node('r1').settings().interfaces.map(({name, proxyArp}) => [name, proxyArp]), [['if1', true], ['if2', false], ['if3', false]]);
});

test.serial('one interface alone: its proxies, its reverse path filter, its MTU', async t => {
	const lab = await labOf(t, bare());
	const before = await stateOf(lab, 'r1');
	await lab.run('r1 set rpFilter strict if3', 'r1 set mtu 1400 if3', 'r1 set proxyArp on if2', 'r1 set proxyNdp on if2');
	const {interfaces, forwarding} = await resultOf(lab, 'r1 set') as SetResult;
	t.false(forwarding);
	t.deepEqual(interfaces, [
		{name: 'if1', mtu: 1500, rpFilter: 'off', proxyArp: false, proxyNdp: false},
		{name: 'if2', mtu: 1500, rpFilter: 'off', proxyArp: true, proxyNdp: true},
		{name: 'if3', mtu: 1400, rpFilter: 'strict', proxyArp: false, proxyNdp: false},
	]);
	t.regex((await lab.node('r1').execute(['ping', '-n', '-c', '1', '-M', 'do', '-s', '1400', '10.3.0.1'])).stderr + (await lab.node('r1').execute(['ping', '-n', '-c', '1', '-M', 'do', '-s', '1400', '10.3.0.1'])).stdout, /too long|mtu/i);
	t.is(await echo(lab, 'r1', '10.3.0.1', '-M', 'do', '-s', '1300'), 'ttl 64');
	await lab.run('r1 set rpFilter loose');
	t.deepEqual(lab.node('r1').settings().interfaces.map(({rpFilter}) => rpFilter), ['loose', 'loose', 'loose']);
	await lab.run('r1 set rpFilter off', 'r1 set mtu 1500 if3', 'r1 set proxyArp off', 'r1 set proxyNdp off if2');
	t.deepEqual(await stateOf(lab, 'r1'), before);
});

test.serial('next hops, metrics, tables, types and rules, of hosts too', async t => {
	const lab = await labOf(t, bare());
	await lab.run('r1 set forward on', 'h1 route add 10.3.0.0/24 via 10.0.0.254 dev h1-eth0 onlink', 'h1 neighbor add 10.0.0.254 lladdr r1', 'r1 route add 10.0.0.1 dev if1');
	t.is(await echo(lab, 'h1', '10.3.0.1'), 'ttl 63');
	const before = [await stateOf(lab, 'r1'), await stateOf(lab, 'h1')];
	await lab.run('r1 rule add from 10.0.0.1 table 7 priority 100', 'r1 route add prohibit 10.3.0.0/24 table 7');
	t.is((await echo(lab, 'h1', '10.3.0.1')), 'Packet filtered');
	await lab.run('r1 rule del from 10.0.0.1', 'r1 route del prohibit 10.3.0.0/24 table 7');
	t.is(await echo(lab, 'h1', '10.3.0.1'), 'ttl 63');
	await lab.run('h1 route add blackhole 10.3.0.1', 'r1 route add 10.9.0.0/16 via 10.3.0.1 dev if3 weight 2 via 10.0.0.1 dev if1 onlink metric 7', 'r1 rule add inet6 mark 0x5/0xff interface if1 table 9', 'r1 route add 10.9.0.0/16 via 10.3.0.1');
	t.deepEqual((await resultOf(lab, 'r1 route list') as RouteListResult).filter(({to}) => to === '10.9.0.0/16'), [
		{to: '10.9.0.0/16', via: '10.3.0.1', interface: 'if3', protocol: 'static'},
		{to: '10.9.0.0/16', nextHops: [{via: '10.3.0.1', interface: 'if3', weight: 2}, {via: '10.0.0.1', interface: 'if1', onlink: true}], metric: 7, protocol: 'static'},
	]);
	t.regex((await lab.node('h1').execute(['ping', '-n', '-c', '1', '10.3.0.1'])).stderr, /Invalid argument|unreachable/);
	await lab.run('h1 route del 10.3.0.1', 'r1 route del 10.9.0.0/16 metric 7', 'r1 route del 10.9.0.0/16', 'r1 rule del inet6 mark 0x5/0xff');
	t.deepEqual([await stateOf(lab, 'r1'), await stateOf(lab, 'h1')], before);
});

/** Text of a listing, in lines. */
async function listed(lab: Lab, line: string): Promise<readonly string[]> {
	const [answer] = await lab.run(line);
	return answer?.text.split('\n').filter(Boolean) ?? [];
}

test.serial('what the lists print, del and add read: taken away and added again, all is as before', async t => {
	const lab = await labOf(t, bare());
	const routes = ['10.9.0.0/16 via 10.3.0.1 dev if3', '10.8.0.0/16 via 192.0.2.1 dev if3 onlink metric 9', 'blackhole 10.7.0.0/16 table 5', '10.5.0.0/16 dev if3 table default', 'default via fd03::1 dev if3', '10.6.0.0/16 dev if3 source 10.3.0.254', '10.4.0.0/16 via 10.3.0.1 dev if3 weight 2 via 10.3.0.2 dev if3'];
	const rules = ['from 10.0.0.1 table 7 priority 100', 'to 10.9.0.0/16 interface if1 table main priority 101', 'inet6 interface if1 mark 5/255 table 9 priority 102', 'from fd00::/64 to fd03::1 table 9 priority 103'];
	await lab.run(...routes.map(line => `r1 route add ${line}`), ...rules.map(line => `r1 rule add ${line}`), 'r1 neighbor add 10.3.0.9 lladdr h3 dev if3', 'r1 neighbor add fd03::9 lladdr 02:00:00:00:00:99 dev if3');
	t.deepEqual((await listed(lab, 'r1 route list table all')).filter(line => line.endsWith(' proto static')).map(line => line.replace(' proto static', '')).sort(), routes.sort());
	for (const [what, isAgain] of [['route', (line: string) => line.endsWith(' proto static')], ['rule', (line: string) => !line.includes('table local')], ['neighbor', (line: string) => line.includes('# permanent')]] as const) {
		const before = await listed(lab, `r1 ${what} list${what === 'route' ? ' table all' : ''}`);
		t.true(before.length > 1, what);
		const again = before.filter(isAgain);
		await lab.run(...again.map(line => `r1 ${what} del ${line}`), ...again.map(line => `r1 ${what} add ${line}`));
		t.deepEqual([...await listed(lab, `r1 ${what} list${what === 'route' ? ' table all' : ''}`)].sort(), [...before].sort(), what);
	}

	// The kernel tells a rule of its own from one that says the same.
	for (const line of [...(await listed(lab, 'r1 route list')).map(route => `route add ${route}`), ...rules.map(rule => `rule add ${rule}`)]) {
		await t.throwsAsync(lab.run(`r1 ${line}`), {code: `${line.split(' ')[0] ?? ''}-exists`}, line);
	}
});

test.serial('rules of other programs are listed in words that add and del refuse, and del does not take them for their opposite', async t => {
	const lab = await labOf(t, bare());
	const rules = ['not from 10.0.0.0/24 table 77', 'from 10.0.0.1 ipproto tcp dport 80-90 table 77', 'table main suppress_prefixlength 0'];
	for (const [index, rule] of rules.entries()) {
		t.is((await lab.node('r1').execute(['ip', 'rule', 'add', ...rule.split(' '), 'priority', `${100 + index}`])).stderr, '');
	}

	const lines = (await listed(lab, 'r1 rule list')).filter(line => / priority 10\d$/.test(line));
	t.deepEqual(lines, rules.map((rule, index) => `${rule} priority ${100 + index}`));
	for (const line of lines) {
		await t.throwsAsync(lab.run(`r1 rule add ${line}`), {code: 'syntax'}, line);
		await t.throwsAsync(lab.run(`r1 rule del ${line}`), {code: 'syntax'}, line);
	}

	await t.throwsAsync(lab.run('r1 rule del from 10.0.0.0/24'), {code: 'no-rule'}, 'its opposite');
	t.is((await listed(lab, 'r1 rule list')).filter(line => / priority 10\d$/.test(line)).length, 3);
});

test.serial('a neighbor that nobody has answered for, and one with another MAC', async t => {
	const lab = await labOf(t, bare());
	t.true(await isSilent(lab, 'h3', '10.3.0.77'));
	const [line = ''] = (await listed(lab, 'h3 neighbor list')).filter(each => each.startsWith('10.3.0.77 '));
	t.regex(line, /^10\.3\.0\.77 +dev h3-eth0 +# (?:incomplete|failed)$/);
	await lab.run(`h3 neighbor del ${line}`, 'h3 neighbor add 10.3.0.9 dev h3-eth0 lladdr r1');
	await t.throwsAsync(lab.run('h3 neighbor del 10.3.0.9 lladdr 02:00:00:00:00:99'), {code: 'neighbor', message: /h3 knows the MAC \S+ at 10\.3\.0\.9/});
	await lab.run('h3 neighbor del 10.3.0.9 lladdr r1');
});

test.serial('the MAC of a neighbor tells which is meant, at a node with several interfaces too', async t => {
	const lab = await labOf(t, bare());
	const known = async () => (await resultOf(lab, 'r1 neighbor list') as NeighborListResult).filter(({state}) => state === 'permanent').map(({address, interface: name}) => `${address} ${name}`);
	const [first, second, third] = ['02:00:00:00:00:91', '02:00:00:00:00:92', '02:00:00:00:00:93'] as const;
	await lab.run(`r1 neighbor add 10.3.0.9 lladdr ${first} dev if3`, `r1 neighbor del 10.3.0.9 lladdr ${first}`);
	t.deepEqual(await known(), []);
	await lab.run(`r1 neighbor add 10.3.0.9 lladdr ${first} dev if1`, `r1 neighbor add 10.3.0.9 lladdr ${second} dev if2`);
	await t.throwsAsync(lab.run(`r1 neighbor del 10.3.0.9 lladdr ${third}`), {code: 'neighbor', message: `r1 knows the MAC ${first} on if1 and the MAC ${second} on if2 at 10.3.0.9. Give one of those.`});
	t.deepEqual(await resultOf(lab, `r1 neighbor del 10.3.0.9 lladdr ${second}`), {address: '10.3.0.9', interface: 'if2'});
	await lab.run(`r1 neighbor add 10.3.0.9 lladdr ${first} dev if2`);
	await t.throwsAsync(lab.run(`r1 neighbor del 10.3.0.9 lladdr ${first}`), {code: 'neighbor', message: /^r1 has the neighbor 10\.3\.0\.9 on if\d and if\d\. Name the interface\.$/});
	await lab.run(`r1 neighbor del 10.3.0.9 lladdr ${first} dev if1`);
	t.deepEqual(await known(), ['10.3.0.9 if2']);
});

test.serial('a neighbor by name, one that is learned, and whose it is', async t => {
	const lab = await labOf(t, bare());
	t.is(await echo(lab, 'h3', '10.3.0.254'), 'ttl 64');
	const learned = (await resultOf(lab, 'h3 neighbor list') as NeighborListResult).find(({address}) => address === '10.3.0.254');
	t.is(learned?.node, 'r1');
	t.not(learned?.state, 'permanent');
	await lab.run('h3 neighbor add 10.3.0.254 lladdr 02:00:00:00:00:99 dev h3-eth0');
	t.true(await isSilent(lab, 'h3', '10.3.0.254'));
	await lab.run('h3 neighbor del 10.3.0.254', 'h3 neighbor add 10.3.0.254 lladdr r1');
	t.is(await echo(lab, 'h3', '10.3.0.254'), 'ttl 64');
});

test.serial('what was added comes back with its link, what was taken away does not, and neither does what a control plane says', async t => {
	const lab = await labOf(t, sketch(each => {
		const r1 = each.addRouter('r1', {routes: [{to: '10.5.0.0/16', via: '10.3.0.1'}, {to: '10.6.0.0/16', via: '10.3.0.1'}]});
		each.addLink(each.addHost('h3', {ip: ['10.3.0.1/24', 'fd03::1/64']}), r1.interface({name: 'if3', ip: ['10.3.0.254/24', 'fd03::fe/64']}));
		each.addLink(each.addHost('h4', {ip: '10.4.0.1/24'}), r1.interface({name: 'if4', ip: '10.4.0.254/24'}));
	}));
	await lab.run('r1 route del 10.5.0.0/16', 'r1 route add 10.7.0.0/16 via 10.3.0.1 metric 4', 'r1 route add fd07::/64 via fd03::1', 'r1 route add 10.8.0.0/16 via 10.3.0.1 via 10.4.0.1',
		'r1 route add 10.7.7.0/24 via 10.3.0.1 table 9', 'r1 neighbor add 10.3.0.9 lladdr 02:00:00:00:00:99 dev if3', 'r1 ip route add 10.1.0.0/16 via 10.3.0.1', 'r1 ip route add 10.2.0.0/16 via 10.3.0.1 proto bgp');
	const all = await stateOf(lab, 'r1') as [unknown, RouteListResult, unknown, unknown];
	const expected = [all[0], all[1].filter(({protocol}) => protocol !== 'bgp'), all[2], all[3]];
	const order = (state: unknown) => (state as [unknown, RouteListResult, unknown, unknown]).map(part => Array.isArray(part) ? part.map(each => JSON.stringify(each)).sort() : part);
	await lab.run('link h3 r1 down', 'link h3 r1 down');
	t.false((await resultOf(lab, 'r1 route list') as RouteListResult).some(({to}) => to === '10.7.0.0/16'));
	await lab.run('link h3 r1 up');
	t.deepEqual(order(await stateOf(lab, 'r1')), order(expected));
	await lab.run('link h3 r1 down', 'link h4 r1 down', 'link h3 r1 up');
	t.false((await resultOf(lab, 'r1 route list') as RouteListResult).some(({to}) => to === '10.8.0.0/16'));
	await lab.run('link h4 r1 up');
	t.deepEqual(order(await stateOf(lab, 'r1')), order(expected));
	await lab.run('link h3 r1 down', 'r1 route del 10.7.0.0/16', 'r1 neighbor del 10.3.0.9 dev if3', 'link h3 r1 up');
	t.false((await resultOf(lab, 'r1 route list') as RouteListResult).some(({to}) => to === '10.7.0.0/16'));
	await lab.run('r1 ip link set if3 down', 'link h3 r1 down', 'link h3 r1 up');
	t.deepEqual((await resultOf(lab, 'r1 route list') as RouteListResult).map(({to}) => to).filter(to => to.startsWith('10.')).sort(), ['10.3.0.0/24', '10.4.0.0/24', '10.6.0.0/16', '10.8.0.0/16']);
});

const fails = test.macro({
	async exec(t: ExecutionContext, line: string, code: string, column: number, says: RegExp) {
		const lab = await shared(t);
		const before = await stateOf(lab, 'r1');
		const [result] = await lab.run(`-${line}`);
		t.is(result?.error?.code, code);
		t.is(result?.error?.details.column, column + 1);
		t.regex(result?.error?.message ?? '', says);
		t.deepEqual(await stateOf(lab, 'r1'), before);
	},
	title: (_, line: string) => `changes nothing: ${line}`,
});

let lab: Lab | undefined;
test.after.always(async () => lab?.down());

async function shared(t: ExecutionContext): Promise<Lab> {
	lab ??= await (await import('../../lib/index.ts')).Lab.up(bare(), {name: `t${process.pid}-routing`});
	t.timeout(60_000 * patience);
	return lab;
}

test.serial(fails, 'r1 route add 10.0.0.0/8 via 10.77.0.1', 'next-hop', 29, /^10\.77\.0\.1 is on no network of r1, .* r1 is on 10\.3\.0\.0\/24 \(if3\)\. Give .* dev INTERFACE onlink\.$/);
test.serial(fails, 'r1 route add 10.0.0.0/8 via 10.3.0.1 via 10.77.0.1', 'next-hop', 42, /^10\.77\.0\.1 is on no network of r1/);
test.serial(fails, 'r1 route add 10.0.0.0/8 via 10.3.0.1 dev if2', 'next-hop', 29, /^10\.3\.0\.1 is on no network of r1 behind if2/);
test.serial(fails, 'r1 route add fd09::/64 via fd77::1', 'next-hop', 28, /^fd77::1 is on no network of r1, .* r1 is on fd03::\/64 \(if3\)/);
test.serial(fails, 'r1 route add 10.0.0.0/8 via 10.77.0', 'address', 29, /"10\.77\.0" is not an address/);
test.serial(fails, 'r1 route add defualt via 10.3.0.1', 'prefix', 14, /is not a prefix\. Did you mean default\?/);
test.serial(fails, 'r1 route add 10.0.0.0/8 dev if3 table mian', 'unknown-table', 39, /no table "mian"\. Did you mean main\?/);
test.serial(fails, 'r1 route add 10.0.0.0/8 via 10.3.0.1 dev if33', 'unknown-interface', 42, /no interface "if33"\. Did you mean if3/);
test.serial(fails, 'r1 route add 10.0.0.0/8 dev if9', 'unknown-interface', 29, /no interface "if9".*if1 or if2/);
test.serial(fails, 'r1 route add 10.3.0.0/24 dev if3', 'route-exists', 14, /has a route to 10\.3\.0\.0\/24 already: dev if3/);
test.serial(fails, 'r1 route add 10.0.0.1/8 dev if3', 'prefix', 14, /host bits zero/);
test.serial(fails, 'r1 route add 10.0.0.0/8', 'syntax', 24, /via or dev/);
test.serial(fails, 'r1 route add 10.0.0.0/8 via fd03::1', 'route', 14, /other family/);
test.serial(fails, 'r1 route add 10.0.0.0/8 dev if3 table 0', 'unknown-table', 39, /Give 1 to/);
test.serial(fails, 'r1 route del 10.0.0.0/8', 'no-route', 14, /no such route to 10\.0\.0\.0\/8/);
test.serial(fails, 'r1 neighbor add 10.3.0.9 lladdr h1 dev if3', 'neighbor', 33, /neither a MAC nor a node on the wire of if3\. Did you mean h3\? Write a MAC such as \S+, or one of h3\./);
test.serial(fails, 'r1 neighbor add 10.3.0 lladdr h3 dev if3', 'address', 17, /"10\.3\.0" is not an address/);
test.serial(fails, 'r1 neighbor add 10.3.0.9 dev if3', 'syntax', 33, /go on with lladdr/);
test.serial(fails, 'r1 neighbor add 10.3.0.9 lladdr h3 dev if9', 'unknown-interface', 40, /no interface "if9".*if1 or if2/);
test.serial(fails, 'r1 neighbor add 10.3.0.254 lladdr h3 dev if3', 'neighbor', 17, /is an address of r1 itself/);
test.serial(fails, 'r1 neighbor del 10.3.0.9 dev if9', 'unknown-interface', 30, /no interface "if9"/);
test.serial(fails, 'r1 neighbor add 10.3.0.9 lladdr h1', 'neighbor', 17, /needs an interface: r1 has if1, if2, if3/);
test.serial(fails, 'r1 neighbor del 10.3.0.9 dev if3', 'no-neighbor', 17, /no neighbor 10\.3\.0\.9 on if3/);
test.serial(fails, 'r1 rule del from 10.9.0.0/16', 'no-rule', 18, /no such rule/);
test.serial(fails, 'r1 rule add from 10.9.0.0/16 to fd00::/64 table 5', 'family', 33, /fd00::\/64 is not of IPv4/);
test.serial(fails, 'r1 rule add inet6 from 10.9.0.0/16 table 5', 'family', 24, /10\.9\.0\.0\/16 is not of IPv6/);
test.serial(fails, 'r1 rule add from 10.9.0 table 5', 'prefix', 18, /"10\.9\.0" is not a prefix/);
test.serial(fails, 'r1 rule add from 10.9.0.0/16', 'syntax', 29, /go on with to, interface, mark or table/);
test.serial(fails, 'r1 rule add mark 5/x table 5', 'mark', 18, /"5\/x" is no mark\. Write a number or VALUE\/MASK/);
test.serial(fails, 'r1 rule add table lcoal', 'unknown-table', 19, /no table "lcoal"\. Did you mean local\?/);
test.serial(fails, 'r1 rule add interface if9 table 5', 'unknown-interface', 23, /no interface "if9".*if1 or if2/);
test.serial(fails, 'r1 set proxyArp on if9', 'unknown-interface', 20, /no interface "if9"/);
test.serial(fails, 'r1 set mtu 1000 if3', 'mtu', 12, /1280 to 65535/);
test.serial(fails, 'r1 set mtu 60000000 if3', 'number', 12, /68 to 65535/);
test.serial(fails, 'r1 set sysctl kernel.hostname x', 'sysctl', 15, /begin with net/);
test.serial(fails, 'r1 set sysctl net/../kernel/hostname x', 'sysctl', 15, /begin with net/);
test.serial(fails, 'r1 set sysctl net.ipv4.conf.if33.rp_filter 1', 'unknown-sysctl', 15, /Did you mean net\/ipv4\/conf\/if3\/rp_filter/);
test.serial(fails, 'r1 set sysctl net.ipv4.ip_forwrd 1', 'unknown-sysctl', 15, /Did you mean/);
test.serial(fails, 'r1 set sysctl net.ipv4.ip_forward often', 'sysctl', 15, /EINVAL/);

const offers = test.macro({
	exec(t: ExecutionContext, line: string, expected: readonly string[]) {
		const words = nextWords(splitWords(line), scene);
		t.deepEqual(expected.filter(word => !words.includes(word)), []);
	},
	title: (_, line: string, expected: readonly string[]) => `Tab behind "${line}": ${expected.join(', ')}`,
});

test(offers, 'fw', ['set', 'route', 'neighbor', 'rule']);
test(offers, 'fw route', ['add', 'del', 'list']);
test(offers, 'fw route add', ['default', 'blackhole']);
test(offers, 'fw route add 10.0.0.0/8 dev', ['fw-eth0', 'fw-eth2']);
test(offers, 'fw route add 10.0.0.0/8 dev fw-eth0', ['via', 'metric', 'table']);
test(offers, 'fw set', ['forward', 'proxyArp', 'sysctl']);
test(offers, 'fw set proxyArp', ['on', 'off']);
test(offers, 'fw set proxyArp on', ['fw-eth0']);
test(offers, 'h10 neighbor add 10.0.10.1 lladdr', ['h11', 'fw']);
test(offers, 'fw rule add table', ['main', 'local', 'default']);
test(offers, 'fw rule add', ['from', 'to', 'interface', 'mark', 'table']);

test('a switch has no routes; a program of the same name runs when an option follows', t => {
	const read = (line: string) => {
		const {command, words} = findCommand(splitWords(line), scene);
		return command.read(new Reader(words, command.usage), scene);
	};
	t.is(t.throws(() => read('s1 route list'), {instanceOf: InputError}).code, 'wrong-kind');
	t.is(findCommand(splitWords('h10 route -n'), scene).command.name, 'NODE COMMAND');
	t.is(findCommand(splitWords('h10 route list --json'), scene).command.name, 'NODE route list');
});
