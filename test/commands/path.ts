/** `path` in labs that run: every reason why a packet dies is provoked, named, and confirmed by real packets. */
import test, {type ExecutionContext} from 'ava';
import type {Lab, PathResult, PathWay} from '../../lib/index.ts';
import type {HostOptions, RouterOptions, TunnelOptions} from '../../lib/topology/specs.ts';
import {Topology} from '../../lib/topology/topology.ts';
import {labOf} from '../helpers/scenario.ts';

type RowOptions = {readonly r1?: RouterOptions; readonly r2?: RouterOptions; readonly h2?: HostOptions; readonly tunnel?: TunnelOptions};

/** h1 - s1 - r1 - r2 - h2, r1 and r2 with a second link between them, all with both families. */
class Row extends Topology {
	override readonly name = 'row';
	readonly #options: RowOptions;

	constructor(options: RowOptions = {}) {
		super();
		this.#options = options;
	}

	override build(): void {
		const {r1 = {}, r2 = {}, h2 = {}, tunnel} = this.#options;
		const near = this.addRouter('r1', {routes: tunnel ? [{to: '10.0.2.0/24', via: '10.7.0.2'}] : [{to: '10.0.2.0/24', via: '10.9.0.2'}, {to: 'fd02::/64', via: 'fd09::2'}], ...r1});
		const far = this.addRouter('r2', {routes: tunnel ? [{to: '10.0.1.0/24', via: '10.7.0.1'}] : [{to: '10.0.1.0/24', via: '10.9.0.1'}, {to: 'fd01::/64', via: 'fd09::1'}], ...r2});
		const s1 = this.addSwitch('s1');
		this.addLink(this.addHost('h1', {ip: ['10.0.1.1/24', 'fd01::1/64']}), s1);
		this.addLink(s1, near.interface({ip: ['10.0.1.254/24', 'fd01::fe/64']}));
		this.addLink(near.interface({ip: ['10.9.0.1/24', 'fd09::1/64']}), far.interface({ip: ['10.9.0.2/24', 'fd09::2/64']}));
		this.addLink(near.interface({ip: ['10.8.0.1/24']}), far.interface({ip: ['10.8.0.2/24']}));
		this.addLink(far.interface({ip: ['10.0.2.254/24', 'fd02::fe/64']}), this.addHost('h2', {ip: ['10.0.2.1/24', 'fd02::1/64'], ...h2}));
		if (tunnel) {
			this.addTunnel(near.interface({ip: '10.7.0.1/30', endpoint: '10.9.0.1'}), far.interface({ip: '10.7.0.2/30', endpoint: '10.9.0.2'}), tunnel);
		}
	}
}

/** `r1-eth0 r1 64 > r1-eth1`, one hop after the other. */
function wayText({hops, death}: PathWay): string {
	return hops.map(({node, in: by, via, ttl, out}) => [by, via, node, ttl, out && `> ${out}`].filter(word => word !== undefined).join(' ')).join(', ') + (death ? ` | ${death.reason}` : '');
}

async function pathOf(lab: Lab, line: string): Promise<PathResult> {
	const [result] = await lab.run(`-path ${line}`);
	if (result?.error !== undefined) {
		throw result.error;
	}

	return result?.result as PathResult;
}

/** What the echo, or else its answer, dies of, in words; the network agrees, or the line would have failed. */
async function deathOf(lab: Lab, line = 'h1 h2'): Promise<string> {
	const {there, back, answered, probe} = await pathOf(lab, line);
	const death = there.death ?? back?.death;
	return `${there.death ? 'echo' : 'answer'} ${death?.node ?? ''} ${death?.reason ?? 'comes'}: ${death?.text ?? ''}${answered === (probe?.verdict === 'allowed') ? '' : ' !'}`;
}

/** Lets programs change the lab, looks, and changes it back. */
async function when(t: ExecutionContext, lab: Lab, changes: ReadonlyArray<readonly [node: string, there: string, back: string]>, expected: string, line?: string): Promise<void> {
	for (const [node, there] of changes) {
		await lab.node(node).run`sh -c ${there}`;
	}

	t.is(await deathOf(lab, line), expected);
	for (const [node, , back] of changes.toReversed()) {
		await lab.node(node).run`sh -c ${back}`;
	}
}

test.serial('every hop there and back, by both families, answered for by real packets', async t => {
	const lab = await labOf(t, new Row());
	const {there, back, answered, probe} = await pathOf(lab, 'h1 h2');
	t.is(wayText(there), 'h1 64 > h1-eth0, s1-eth1 s1 64, r1-eth0 r1 64 > r1-eth1, r2-eth0 r2 63 > r2-eth2, h2-eth0 h2 62');
	t.is(back && wayText(back), 'h2 64 > h2-eth0, r2-eth2 r2 64 > r2-eth0, r1-eth1 r1 63 > r1-eth0, s1-eth2 s1 62, h1-eth0 h1 62');
	t.deepEqual(there.hops.map(hop => hop.answered), [undefined, undefined, '10.0.1.254', '10.9.0.2', undefined]);
	t.true(answered);
	t.deepEqual(probe, {verdict: 'allowed', reason: 'h2 answered'});
	const six = await pathOf(lab, 'h2 fd01::1');
	t.deepEqual(six.there.hops.map(hop => hop.answered), [undefined, 'fd02::fe', 'fd09::1', undefined, undefined]);
	const isStatic = await pathOf(lab, 'h1 h2 --static');
	t.is(isStatic.probe, undefined);
	const [line] = await lab.run('path r1 h2');
	t.deepEqual(line?.text.split('\n'), [
		'echo 10.9.0.1 > 10.0.2.1',
		'  r1           ttl 64  > r1-eth1  to 10.9.0.2',
		'  r2  r2-eth0  ttl 64  > r2-eth2  to 10.0.2.1    answers from 10.9.0.2',
		'  h2  h2-eth0  ttl 63',
		'answer',
		'  h2           ttl 64  > h2-eth0  to 10.0.2.254',
		'  r2  r2-eth2  ttl 64  > r2-eth0  to 10.9.0.1',
		'  r1  r1-eth1  ttl 63',
		'The echo is answered. The network agrees: h2 answered.',
	]);
});

test.serial('each reason to die, in the kernel as somebody has changed it', async t => {
	const lab = await labOf(t, new Row());
	await when(t, lab, [['r1', 'ip route del 10.0.2.0/24', 'ip route add 10.0.2.0/24 via 10.9.0.2']], 'echo r1 no-route: r1 has no route to 10.0.2.1');
	await when(t, lab, [['r2', 'ip route del 10.0.1.0/24', 'ip route add 10.0.1.0/24 via 10.9.0.1']], 'answer r2 no-route: r2 has no route to 10.0.1.1');
	await when(t, lab, [['h2', 'ip route del default', 'ip route add default via 10.0.2.254']], 'answer h2 no-route: h2 has no route to 10.0.1.1');
	await when(t, lab, [['r2', 'ip -6 route del fd01::/64', 'ip -6 route add fd01::/64 via fd09::1']], 'answer r2 no-route: r2 has no route to fd01::1', 'h1 fd02::1');
	await when(t, lab, [['r2', 'sysctl -qw net.ipv4.ip_forward=0', 'sysctl -qw net.ipv4.ip_forward=1']], 'echo r2 forwarding-off: r2 forwards nothing');
	await when(t, lab, [['r1', 'sysctl -qw net.ipv4.conf.r1-eth1.forwarding=0', 'sysctl -qw net.ipv4.conf.r1-eth1.forwarding=1']], 'answer r1 forwarding-off: r1 forwards nothing');
	await when(t, lab, [['r1', 'sysctl -qw net.ipv6.conf.all.forwarding=0', 'sysctl -qw net.ipv6.conf.all.forwarding=1']], 'echo r1 forwarding-off: r1 forwards nothing', 'h1 fd02::1');
	for (const type of ['blackhole', 'unreachable', 'prohibit']) {
		await when(t, lab, [['r2', `ip route add ${type} 10.0.2.1`, `ip route del ${type} 10.0.2.1`]], `echo r2 refused: r2 refuses what goes to 10.0.2.1, by a route of type ${type}`);
	}

	await when(t, lab, [['h2', 'ip address del 10.0.2.1/24 dev h2-eth0', 'ip address add 10.0.2.1/24 dev h2-eth0 && ip route add default via 10.0.2.254'], ['r2', 'ip neighbor flush dev r2-eth2', ':']], 'echo r2 no-answer: r2 asks for 10.0.2.1 on r2-eth2 from 10.0.2.254, and nobody answers');
	await when(t, lab, [['r1', 'ip route change 10.0.2.0/24 via 10.9.0.9', 'ip route change 10.0.2.0/24 via 10.9.0.2']], 'echo r1 no-answer: r1 asks for 10.9.0.9 on r1-eth1 from 10.9.0.1, and nobody answers');
	await when(t, lab, [['r2', 'ip neighbor replace 10.0.2.1 lladdr 02:00:00:00:00:77 dev r2-eth2 nud permanent', 'ip neighbor del 10.0.2.1 dev r2-eth2']], 'echo r2 no-answer: r2 takes 02:00:00:00:00:77 for the MAC of 10.0.2.1, and nobody around r2-eth2 has it');
	await when(t, lab, [['r2', 'ip route add 10.0.2.1 via 10.8.0.1', 'ip route del 10.0.2.1 via 10.8.0.1']], 'echo r2 ttl: r2, r1 pass it on in a circle until its TTL runs out');
	await when(t, lab, [['h2', 'ip link set h2-eth0 down', 'ip link set h2-eth0 up && ip route add default via 10.0.2.254']], 'echo r2 interface-down: r2-eth2 of r2 has no carrier');
	await when(t, lab, [['r2', 'sysctl -qw net.ipv4.conf.r2-eth0.rp_filter=1; ip route change 10.0.1.0/24 via 10.8.0.1', 'sysctl -qw net.ipv4.conf.r2-eth0.rp_filter=0; ip route change 10.0.1.0/24 via 10.9.0.1']], 'echo r2 reverse-path-filter: r2 drops what comes in by r2-eth0 from 10.0.1.1: its reverse path filter (strict) knows no way back there');
	await when(t, lab, [['h2', 'sysctl -qw net.ipv4.conf.all.rp_filter=2; ip route del default', 'sysctl -qw net.ipv4.conf.all.rp_filter=0; ip route add default via 10.0.2.254']], 'echo h2 reverse-path-filter: h2 drops what comes in by h2-eth0 from 10.0.1.1: its reverse path filter (loose) knows no way back there');
	await when(t, lab, [
		['h2', 'sysctl -qw net.ipv4.conf.all.rp_filter=1; ip route del default', 'sysctl -qw net.ipv4.conf.all.rp_filter=0; ip route add default via 10.0.2.254'],
		['r2', 'ip address del 10.0.2.254/24 dev r2-eth2; ip route add 10.0.2.1 dev r2-eth2; ip neighbor flush dev r2-eth2', 'ip route del 10.0.2.1; ip address add 10.0.2.254/24 dev r2-eth2'],
	], 'echo r2 no-answer: r2 asks for 10.0.2.1 on r2-eth2 from 10.9.0.2, and h2 ignores it: its reverse path filter (strict) on h2-eth0 knows no way back');
	const bare = [['r2', 'sysctl -qw net.ipv4.conf.r2-eth0.rp_filter=2; ip address del 10.9.0.2/24 dev r2-eth0; ip route replace 10.0.1.0/24 via 10.8.0.1', 'sysctl -qw net.ipv4.conf.r2-eth0.rp_filter=0; ip address add 10.9.0.2/24 dev r2-eth0; ip route replace 10.0.1.0/24 via 10.9.0.1'], ['r1', 'ip route change 10.0.2.0/24 via 10.8.0.2 dev r1-eth1 onlink', 'ip route change 10.0.2.0/24 via 10.9.0.2']] as const;
	await when(t, lab, bare, 'echo r1 no-answer: r1 asks for 10.8.0.2 on r1-eth1 from 10.9.0.1, and r2 ignores it: its reverse path filter (loose) on r2-eth0 knows no way back');
	t.is(await deathOf(lab), 'answer  comes: ');
});

test.serial('what lets it through: tables and rules, several next hops, another way back', async t => {
	const lab = await labOf(t, new Row());
	const alive = 'answer  comes: ';
	await when(t, lab, [['r1', 'ip route change blackhole 10.0.2.0/24 2>/dev/null || { ip route del 10.0.2.0/24; ip route add blackhole 10.0.2.0/24; }; ip route add 10.0.2.0/24 via 10.8.0.2 table 100; ip rule add from 10.0.1.1 iif r1-eth0 table 100', 'ip rule del table 100; ip route flush table 100; ip route del 10.0.2.0/24; ip route add 10.0.2.0/24 via 10.9.0.2']], alive);
	await lab.node('r1').run`sh -c ${'ip rule add from 10.0.1.1 iif r1-eth0 table 100; ip route add 10.0.2.0/24 via 10.8.0.2 table 100'}`;
	t.is(wayText((await pathOf(lab, 'h1 h2')).there), 'h1 64 > h1-eth0, s1-eth1 s1 64, r1-eth0 r1 64 > r1-eth2, r2-eth1 r2 63 > r2-eth2, h2-eth0 h2 62');
	await when(t, lab, [['r1', 'ip rule add to 10.0.2.1 prio 10 prohibit', 'ip rule del prio 10']], 'echo r1 refused: r1 refuses what goes to 10.0.2.1, by a route of type prohibit');
});

test.serial('of several next hops the one that the kernel takes', async t => {
	const lab = await labOf(t, new Row({h2: {ip: ['10.0.2.1/24', '10.0.2.2/24', '10.0.2.3/24', '10.0.2.4/24', '10.0.2.5/24', '10.0.2.6/24']}}));
	await lab.node('r1').run`ip route replace 10.0.2.0/24 nexthop via 10.9.0.2 nexthop via 10.8.0.9`;
	const deaths = await Promise.all([1, 2, 3, 4, 5, 6].map(async last => (await pathOf(lab, `h1 10.0.2.${last} --static`)).there.death?.reason ?? 'arrives'));
	t.true(deaths.includes('no-answer') && deaths.includes('arrives'), deaths.join(' '));
	for (const last of [1, 2, 3, 4, 5, 6]) {
		await t.notThrowsAsync(pathOf(lab, `h1 10.0.2.${last}`));
	}
});

test.serial('firewalls: a perimeter, a switch, a stateless rule', async t => {
	const lab = await labOf(t, new Row({r2: {perimeter: true, routes: [{to: '10.0.1.0/24', via: '10.9.0.1'}]}}));
	t.is(await deathOf(lab), 'echo s1 filtered: s1 drops it. Denied: no rule matches, and a perimeter firewall stands between the two addresses.');
	await t.throwsAsync(lab.run('path h1 h2'), {code: 'line-failed'});
	await lab.run('secrule add allow 10.0.1.0/24 to h2 stateless');
	t.is(await deathOf(lab), 'answer r2 filtered: r2 drops it. Denied: no rule matches, and a perimeter firewall stands between the two addresses.');
	await lab.run('secrule add reject h2 to h1');
	t.is(await deathOf(lab), 'answer r2 filtered: r2 rejects it. Rejected by rule 2 (reject h2 to h1).');
	await lab.run('secrule clear', 'secrule add allow h1 to h2');
	t.is(await deathOf(lab), 'answer  comes: ');
});

test.serial('over a tunnel: the hop names it, and what carries it may be broken', async t => {
	const lab = await labOf(t, new Row({tunnel: {via: 'gre'}}));
	t.is(wayText((await pathOf(lab, 'h1 h2')).there), 'h1 64 > h1-eth0, s1-eth1 s1 64, r1-eth0 r1 64 > r1-tun0, r2-tun0 gre r2 63 > r2-eth2, h2-eth0 h2 62');
	t.deepEqual([await deathOf(lab, 'r1 10.7.0.2'), await deathOf(lab, 'r2 10.7.0.1'), await deathOf(lab, 'r1 h2')], ['answer  comes: ', 'answer  comes: ', 'answer  comes: ']);
	await when(t, lab, [['r1', 'ip route add blackhole 10.9.0.2', 'ip route del blackhole 10.9.0.2']], 'echo r1 tunnel: the tunnel r1-tun0 (gre) of r1 does not get to 10.9.0.2: r1 refuses what goes to 10.9.0.2, by a route of type blackhole');
	await when(t, lab, [['r2', 'ip link set r2-tun0 down', 'ip link set r2-tun0 up && ip route add 10.0.1.0/24 via 10.7.0.1']], 'echo r1 no-answer: the other end of r1-tun0 is down');
});

test.serial('a network that does something else than the configuration says is told', async t => {
	const lab = await labOf(t, new Row());
	await lab.node('r2').run`iptables -A FORWARD -s 10.0.1.1 -j DROP`;
	await t.throwsAsync(lab.run('path h1 h2'), {code: 'disagreement', message: /^Configuration and network disagree\.\n {2}configuration: The echo is answered\.\n {2}network: an echo: blocked, the request left h1 and did not reach h2\necho 10\.0\.1\.1 > 10\.0\.2\.1\n {2}h1 .*\nanswer\n {2}h2 .*h1-eth0 +ttl 62$/s});
	await lab.node('r2').run`iptables -F FORWARD`;
	t.is(await deathOf(lab), 'answer  comes: ');
	await lab.node('r1').run`iptables -A OUTPUT -p icmp --icmp-type time-exceeded -j DROP`;
	await t.throwsAsync(lab.run('path h1 h2'), {code: 'disagreement', message: /^Configuration and network disagree\.\n {2}configuration: The echo is answered\.\n {2}network: TTL 1 should run out at r1, but nobody says so\necho /});
});

test.serial('what a network does only later is no disagreement: a link that came back, a neighbor that was asked for in vain', async t => {
	const lab = await labOf(t, new Row());
	for (const link of ['h1 s1', 'h2 r2', 'r1 s1']) {
		await lab.run(`link ${link} down`);
		t.not(await deathOf(lab), 'answer  comes: ', link);
		await lab.run(`link ${link} up`);
		t.is(await deathOf(lab), 'answer  comes: ', link);
	}
});

test.serial('learned neighbors get packets, though nobody would answer for them now', async t => {
	const lab = await labOf(t, new Row({r1: {proxyArp: true}, r2: {proxyArp: true}, h2: {ip: '10.0.2.1/16', gateway: 'none'}}));
	await lab.node('h1').run`sh -c ${'ip address replace 10.0.1.1/16 dev h1-eth0; ip address del 10.0.1.1/24 dev h1-eth0'}`;
	t.is(await deathOf(lab), 'answer  comes: ');
	const noRoute = [['r1', 'ip route del 10.0.2.0/24', 'ip route add 10.0.2.0/24 via 10.9.0.2']] as const;
	await when(t, lab, noRoute, 'echo r1 no-route: r1 has no route to 10.0.2.1');
	await when(t, lab, [...noRoute, ['h1', 'ip neighbor flush dev h1-eth0', ':']], 'echo h1 no-answer: h1 asks for 10.0.2.1 on h1-eth0 from 10.0.1.1, and nobody answers; r1 would, but it has no route to 10.0.2.1');
	await when(t, lab, [['r1', 'sysctl -qw net.ipv4.conf.all.proxy_arp=0 net.ipv4.conf.r1-eth0.proxy_arp=0', 'sysctl -qw net.ipv4.conf.r1-eth0.proxy_arp=1'], ['h1', 'ip neighbor flush dev h1-eth0', ':']], 'echo h1 no-answer: h1 asks for 10.0.2.1 on h1-eth0 from 10.0.1.1, and nobody answers; r1 would, but its proxyArp is off on r1-eth0');
});

test.serial('names stay with IPv4 though only IPv6 has a way', async t => {
	const lab = await labOf(t, new Row());
	await when(t, lab, [['h1', 'ip route del default', 'ip route add default via 10.0.1.254']], 'echo h1 no-route: h1 has no route to 10.0.2.1');
});

test.serial('explain and matrix see routes that were added live', async t => {
	const lab = await labOf(t, new Row({r1: {routes: []}}));
	const [before] = await lab.run('explain h1 h2 --static');
	t.like(before?.result, {broken: 'r1 has no route to 10.0.2.1'});
	await lab.run('r1 ip route add 10.0.2.0/24 via 10.9.0.2');
	const [after] = await lab.run('explain h1 h2 --static');
	t.like(after?.result, {path: ['h1', 's1', 'r1', 'r2', 'h2'], broken: undefined});
});

test.serial('mistakes', async t => {
	const lab = await labOf(t, new Row());
	await t.throwsAsync(lab.run('path s1 h2'), {code: 'wrong-kind'});
	await t.throwsAsync(lab.run('path h1 h9'), {code: 'unknown-node'});
	await t.throwsAsync(lab.run('path 192.0.2.1 h2'), {code: 'no-way', message: '192.0.2.1 is nobody\'s address in this lab: nobody knows where its packets come in.'});
	await t.throwsAsync(lab.run('path h1 10.0.2.1 now'), {code: 'syntax'});
	for (const [line, what] of [['h1 127.0.0.1', 'every node\'s own loopback address'], ['127.0.0.1 h1', 'every node\'s own loopback address'], ['h1 0.0.0.0', 'the address of nobody'], ['h1 224.0.0.1', 'a multicast address'], ['h1 ff02::1', 'a multicast address'], ['h1 10.0.1.255', 'the broadcast address of a subnet']] as const) {
		await t.throwsAsync(lab.run(`path ${line}`), {code: 'no-way', message: new RegExp(`is ${what}: a path leads from one node to another`)}, line);
	}

	const outside = await pathOf(lab, 'h1 192.0.2.1');
	t.is(wayText(outside.there), 'h1 64 > h1-eth0, s1-eth1 s1 64, r1-eth0 r1 64 | no-route');
	t.is(outside.probe, undefined);
});
