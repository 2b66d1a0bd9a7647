/** What only packets can show: fragments, answers to rejected packets, rates, and connections that rules make or do not make. Real Open vSwitch, dummy ports. */
import assert from 'node:assert/strict';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {listSwitchConnections} from '../../lib/kernel/switch-conntrack.ts';
import {behindOptions, framesOf, icmpMessage, tcpFlags, tcpSegment, udpDatagram, unreachable} from '../helpers/dummy-frames.ts';
import type {Datagram} from '../helpers/dummy-frames.ts';
import {FlowOracle, trunk} from '../helpers/flow-oracle.ts';
import {longPatience} from '../helpers/patience.ts';
import {switchPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

const router = '02:00:00:00:00:fe';
const mac = (port: number) => `02:00:00:00:00:0${port}`;
/** Hosts 1 and 2 are bound. Behind the firewall is 10.0.9.0/24. */
const base = {
	bound: '10.0.0.1 fd00::1 10.0.0.2 fd00::2',
	domains: ['10.0.0.0/24 fd00::/64', '10.0.9.0/24'],
	routers: '10.0.0.254',
	routerMacs: router,
	hosts: ['10.0.0.1 fd00::1 bound', '10.0.0.2 fd00::2 bound', '10.0.0.3'],
	ports: [1, 2, 3, trunk],
} satisfies Sketch;

const between = (from: number, to: number) => ({macs: [mac(from), mac(to)], addresses: [`10.0.0.${from}`, `10.0.0.${to}`]} as const);
const out = {macs: [mac(1), router], addresses: ['10.0.0.1', '10.0.9.2']} as const;
const back = {macs: [router, mac(1)], addresses: ['10.0.9.2', '10.0.0.1']} as const;
const fromRouter = {macs: [router, mac(1)], addresses: ['10.0.0.254', '10.0.0.1']} as const;

/** Ports of their own for every connection: what one test leaves is no other's. */
let lastPort = 20_000;
const freshPort = () => ++lastPort;

async function install(...rules: readonly string[]): Promise<void> {
	await oracle.install(switchPlan({...base, rules}));
	await oracle.settle();
}

/** A port of no plan: the switch has learned where everybody is, so only broadcasts get there. */
const bystander = 9;

/** How many of the frames leave by a port. A question to everybody follows them, so that nobody waits for what does not come. */
async function arriving(from: number, to: number, frames: readonly string[]): Promise<number> {
	const [seen, before] = [await oracle.sent(bystander), await oracle.sent(to)];
	for (const frame of [...frames, question(from)]) {
		await oracle.receive(from, frame);
	}

	const deadline = performance.now() + longPatience;
	while (await oracle.sent(bystander) === seen) {
		assert.ok(performance.now() < deadline, 'the switch does not forward');
	}

	return await oracle.sent(to) - before - 1;
}

/** Who has 10.0.0.253? (RFC 826) */
function question(port: number): string {
	const [sender, last] = port === trunk ? [router, 254] : [mac(port), port];
	const hardware = sender.replaceAll(':', '');
	return `ffffffffffff${hardware}08060001080006040001${hardware}0a0000${last.toString(16).padStart(2, '0')}0000000000000a0000fd`;
}

test.before(async () => {
	await install();
	for (const port of base.ports) {
		await oracle.receive(port, question(port));
	}
});

const passes = test.macro({
	async exec(t, rules: readonly string[], from: number, to: number, frames: readonly string[], expected: number) {
		await install(...rules);
		t.is(await arriving(from, to, frames), expected);
	},
	title: name => name ?? '',
});

const dns = 'allow 10.0.0.1 to 10.0.0.2 udp dport 53';
const ping = 'allow 10.0.0.1 to 10.0.0.2 icmp 8|128';
const data = Buffer.alloc(3000);
const large = (port: number, sport = freshPort()) => udpDatagram(between(1, 2), [sport, port], data.length);
const large6 = (port: number) => udpDatagram({...between(1, 2), addresses: ['fd00::1', 'fd00::2']}, [freshPort(), port], data.length);
const echo = (type: number) => icmpMessage(between(1, 2), [type, 0], data, freshPort());
const halves = [1400, 1400];
let lastPacket = 0;
const inFragments = (datagram: Datagram, sizes: readonly number[] = halves) => framesOf(datagram, sizes, ++lastPacket);

test.serial('fragments: a rule with ports lets all of a packet pass', passes, [dns], 1, 2, inFragments(large(53)), 3);
test.serial('fragments: IPv6, which shows no protocol in later ones', passes, ['allow fd00::1 to fd00::2 udp dport 53'], 1, 2, inFragments(large6(53)), 3);
test.serial('fragments: IPv6, a rule of a protocol', passes, ['allow fd00::1 to fd00::2 udp'], 1, 2, inFragments(large6(54)), 3);
test.serial('fragments: IPv6, nothing to another port', passes, ['allow fd00::1 to fd00::2 udp dport 53'], 1, 2, inFragments(large6(54)), 0);
test.serial('fragments: a rule without ports', passes, ['allow 10.0.0.1 to 10.0.0.2'], 1, 2, inFragments(large(53)), 3);
test.serial('fragments: a stateless rule without ports', passes, ['allow 10.0.0.1 to 10.0.0.2 stateless'], 1, 2, inFragments(large(53)), 3);
test.serial('fragments: the default', passes, [], 1, 3, inFragments(udpDatagram(between(1, 3), [freshPort(), 53], data.length)), 3);
test.serial('fragments: in any order', passes, [dns], 1, 2, inFragments(large(53)).reverse(), 3);
test.serial('fragments: nothing of a packet to another port', passes, [dns], 1, 2, inFragments(large(54)), 0);
test.serial('fragments: a rule with an ICMP type', passes, [ping], 1, 2, inFragments(echo(8)), 3);
test.serial('fragments: nothing of another type', passes, [ping], 1, 2, inFragments(echo(13)), 0);
test.serial('fragments: nothing of type 0, as which OVS reads all later ones', passes, ['allow 10.0.0.1 to 10.0.0.2 icmp 0|'], 1, 2, inFragments(echo(8)), 0);
test.serial('fragments: a rule that denies ports holds, whatever allows the rest', passes, ['deny any to any udp dport 54', 'allow any to any'], 1, 2, inFragments(large(54)), 0);
test.serial('fragments: ports from 0 on do not take later ones', passes, ['deny any to any udp dport 0-52', dns], 1, 2, inFragments(large(53)), 3);
test.serial('fragments: a TCP header in two parts opens nothing', passes, ['deny any to any tcp dport 22'], 1, 3, inFragments(tcpSegment(between(1, 3), [freshPort(), 22], tcpFlags.opens), [8]), 0);

const hidden = 1304;
const hiding = (datagram: Datagram) => inFragments(behindOptions(datagram, hidden), [hidden]);
const six = (to: number) => ({macs: [mac(1), mac(to)], addresses: ['fd00::1', `fd00::${to}`]} as const);
test.serial('fragments: a first one without the header of UDP hides no port', passes, ['deny any to any udp dport 54', 'allow any to any'], 1, 2, hiding(udpDatagram(six(2), [freshPort(), 54], 1500)), 0);
test.serial('fragments: a first one without the header of UDP hides no port behind the default', passes, ['deny any to any udp dport 54'], 1, 3, hiding(udpDatagram(six(3), [freshPort(), 54], 1500)), 0);
test.serial('fragments: nor of TCP', passes, ['deny any to any tcp dport 22', 'allow any to any'], 1, 2, hiding(tcpSegment(six(2), [freshPort(), 22], tcpFlags.opens)), 0);
test.serial('fragments: nor of TCP, behind the default', passes, ['deny any to any tcp dport 22'], 1, 3, hiding(tcpSegment(six(3), [freshPort(), 22], tcpFlags.opens)), 0);
test.serial('fragments: nor a type of ICMP', passes, ['deny any to any icmp |128', 'allow any to any'], 1, 2, hiding(icmpMessage(six(2), [128, 0], data)), 0);
test.serial('fragments: nor to many', passes, ['deny any to any udp dport 54', 'allow any to any'], 1, 2, hiding(udpDatagram({macs: [mac(1), '33:33:00:00:00:09'], addresses: ['fd00::1', 'ff02::9']}, [freshPort(), 54], 1500)).slice(0, 1), 0);

test.serial('fragments: what waits in vain does not leave with others', async t => {
	await install(dns);
	t.is(await arriving(1, 2, inFragments(large(54))), 0);
	t.is(await arriving(1, 2, inFragments(large(53)).slice(0, 1)), 0);
	await oracle.warp(20_000);
	t.is(await arriving(1, 2, framesOf(udpDatagram(between(1, 2), [freshPort(), 53]))), 1);
	t.is(await arriving(1, 2, framesOf(udpDatagram(between(1, 2), [freshPort(), 53]))), 1);
});

test.serial('MAC learning: a forged source draws no packets of a secured host away', async t => {
	await install('allow any to any');
	for (const [port, address] of [[3, '10.0.0.3'], [trunk, '10.0.9.7']] as const) {
		await arriving(port, 2, framesOf(udpDatagram({macs: [mac(1), mac(2)], addresses: [address, '10.0.0.2']}, [freshPort(), 9])));
		t.is(await arriving(2, 1, framesOf(udpDatagram(between(2, 1), [freshPort(), 9]))), 1);
	}

	await oracle.receive(1, question(1));
});

test.serial('stateless: packets pass, their answers do not, and no connection is made', async t => {
	await install('allow 10.0.0.1 to 10.0.0.2 udp dport 53 stateless');
	const port = freshPort();
	t.is(await arriving(1, 2, framesOf(udpDatagram(between(1, 2), [port, 53]))), 1);
	t.is(await arriving(2, 1, framesOf(udpDatagram(between(2, 1), [53, port]))), 0);
	t.deepEqual(await connections(port), []);
});

test.serial('stateful: the answer passes, and later packets without the rule', async t => {
	await install(dns);
	const port = freshPort();
	t.is(await arriving(1, 2, framesOf(udpDatagram(between(1, 2), [port, 53]))), 1);
	t.is(await arriving(2, 1, framesOf(udpDatagram(between(2, 1), [53, port]))), 1);
	t.is((await connections(port)).length, 1);
});

test.serial('stateless TCP: a packet from the middle of nothing passes', passes, ['allow any to any tcp dport 80 stateless'], 1, 2, framesOf(tcpSegment(between(1, 2), [freshPort(), 80], tcpFlags.acknowledges)), 1);
test.serial('stateful TCP: it does not', passes, ['allow any to any tcp dport 80'], 1, 2, framesOf(tcpSegment(between(1, 2), [freshPort(), 80], tcpFlags.acknowledges)), 0);

test.serial('reject: nobody can answer between hosts without a firewall, so the packet is dropped', passes, ['reject any to any'], 1, 2, framesOf(udpDatagram(between(1, 2), [freshPort(), 9])), 0);
test.serial('reject: what is for the other side of a firewall goes to it', passes, ['reject any to any'], 1, trunk, framesOf(udpDatagram(out, [freshPort(), 9])), 1);
test.serial('reject: not in a frame to anybody else', passes, ['reject any to any'], 1, 3, framesOf(udpDatagram({...out, macs: [mac(1), mac(3)]}, [freshPort(), 9])), 0);

test.serial('reject: copies of a broadcast go nowhere', passes, ['reject any to any'], 3, trunk, framesOf(udpDatagram({macs: [mac(3), router], addresses: ['10.0.9.7', '10.0.0.255']}, [freshPort(), 9])), 1);

test.serial('reject: the ICMP error of the firewall arrives, and none about another packet', async t => {
	await install('reject any to any');
	const rejected = udpDatagram(out, [freshPort(), 9]);
	await arriving(1, trunk, framesOf(rejected));
	t.is(await arriving(trunk, 1, framesOf(unreachable(fromRouter, 13, rejected))), 1);
	t.is(await arriving(trunk, 1, framesOf(unreachable(fromRouter, 13, udpDatagram(out, [freshPort(), 9])))), 0);
});

test.serial('reject: the reset of the firewall arrives, and nothing else from there', async t => {
	await install('reject any to any');
	const port = freshPort();
	const segment = (flags: number, sport = port) => framesOf(tcpSegment(back, [80, sport], flags));
	t.is(await arriving(trunk, 1, segment(tcpFlags.reset)), 0);
	t.is(await arriving(1, trunk, framesOf(tcpSegment(out, [port, 80], tcpFlags.opens))), 1);
	t.is(await arriving(trunk, 1, segment(tcpFlags.acknowledges)), 0);
	t.is(await arriving(trunk, 1, segment(tcpFlags.reset, freshPort())), 0);
	t.is(await arriving(trunk, 1, segment(tcpFlags.reset)), 1);
	t.is(await arriving(1, 3, framesOf(tcpSegment({...out, macs: [mac(1), mac(3)]}, [port, 80], tcpFlags.reset))), 0);
});

test.serial('reject: only a router answers', async t => {
	await install('reject any to any');
	const port = freshPort();
	const opening = tcpSegment(out, [port, 80], tcpFlags.opens);
	await arriving(1, trunk, framesOf(opening));
	for (const from of [3, trunk]) {
		const pretends = {...back, macs: [mac(from === trunk ? 8 : from), mac(1)]} as const;
		t.is(await arriving(from, 1, framesOf(tcpSegment(pretends, [80, port], tcpFlags.reset))), 0, `a reset from port ${from}`);
		t.is(await arriving(from, 1, framesOf(unreachable({...pretends, addresses: ['10.0.0.3', '10.0.0.1']}, 13, opening))), 0, `an ICMP error from port ${from}`);
	}

	t.is(await arriving(trunk, 1, framesOf(tcpSegment(back, [80, port], tcpFlags.reset))), 1);
});

test.serial('reject: an ICMP error about what is rejected makes no connection of it', async t => {
	await install('allow any to any icmp', 'reject any to any');
	const port = freshPort();
	const rejected = udpDatagram(out, [port, 9]);
	await arriving(1, trunk, framesOf(rejected));
	await arriving(1, trunk, framesOf(unreachable(out, 3, udpDatagram(back, [9, port]))));
	await arriving(trunk, 1, framesOf(unreachable({...back, macs: [mac(8), mac(1)]}, 13, rejected)));
	t.deepEqual((await connections(port)).filter(({mark}) => (mark & 1) !== 0), []);
	t.is(await arriving(trunk, 1, framesOf(udpDatagram(back, [9, port]))), 0);
});

test.serial('reject: the opposite direction may be allowed, and is a connection of its own', async t => {
	await install('allow 10.0.9.2 to 10.0.0.1', 'reject any to any');
	const port = freshPort();
	await arriving(1, trunk, framesOf(udpDatagram(out, [port, 123])));
	t.is(await arriving(trunk, 1, framesOf(udpDatagram(back, [123, port]))), 1);
	t.like(await connections(port, 'dport'), [{source: '10.0.9.2', destination: '10.0.0.1', mark: 1}]);
});

test.serial('rate: so many first packets pass, and all of what they have opened', async t => {
	await install('allow any to any udp dport 7 rate 1 10');
	const opening = Array.from({length: 30}, () => framesOf(udpDatagram(between(3, 2), [freshPort(), 7]))).flat();
	t.is(await arriving(3, 2, opening), 10);
	t.is(await arriving(3, 2, Array.from({length: 20}, () => opening[0] ?? '')), 20);
	await oracle.warp(2000);
	t.true((await arriving(3, 2, opening.slice(10))) >= 2);
});

test.serial('log: what a rule decides is reported, with the cookie of the rule, and nothing of the connections it made', async t => {
	await install('7: allow 10.0.0.1 to 10.0.0.2 log');
	const packet = `in_port=1,dl_src=${mac(1)},dl_dst=${mac(2)},udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,udp_src=1,udp_dst=1`;
	const [report] = reports(t, (await oracle.actions(packet, ['trk,new'])).join());
	t.is(BigInt(report ?? 0) >> 44n, 7n);
	t.deepEqual(reports(t, (await oracle.actions(`${packet},ct_mark=1`, ['trk,est'])).join()), []);
});

function reports(t: ExecutionContext, actions: string): Array<string | undefined> {
	t.log(actions);
	return [...actions.matchAll(/rule_cookie=(\w+)/g)].map(([, cookie]) => cookie);
}

async function connections(port: number, side: 'sport' | 'dport' = 'sport') {
	return ((await listSwitchConnections(oracle.bridge)).get(1) ?? []).filter(connection => connection[side] === port);
}
