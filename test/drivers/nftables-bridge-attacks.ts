/** Frames that an attacker made to slip past the policy, sent over a real Linux bridge; the same as those for Open vSwitch in attacks.ts. */
import test from 'ava';
import {createBridgeDriver} from '../../lib/drivers/nftables-bridge.ts';
import {longs, words} from '../../lib/probes/bytes.ts';
import {arpReply, arpRequest, dhcpDiscover, dhcpOffer, ethernet, ipFrame, neighborAdvertisement, neighborSolicitation} from '../../lib/probes/frame.ts';
import type {Addressing} from '../../lib/probes/frame.ts';
import {echoRequest, ipPacket, tcp, udp} from '../../lib/probes/packet.ts';
import type {Payload, Ports} from '../../lib/probes/packet.ts';
import {etherType, tcpFlag} from '../../lib/probes/protocols.ts';
import {formatAddress, linkLocalAddress, macFromNumber, parseAddress} from '../../lib/util/address.ts';
import {Wire, buildBridge} from '../helpers/bridge.ts';
import {switchPlan} from '../helpers/plans.ts';
import {attacked, everybody, router} from '../helpers/attack-sketch.ts';
import type {Sketch} from '../helpers/plans.ts';
import {Installed} from '../helpers/router.ts';

const trunk = 9;
const ports = [1, 2, 3, 4, trunk];
const scene = await buildBridge(ports, {mute: true});
const wire = new Wire(scene, ports);
const installed = new Installed(createBridgeDriver({namespaceOf: () => scene.fabric}));
test.after.always(() => {
	wire[Symbol.dispose]();
	scene.down();
});

const base = {...attacked, ports} satisfies Sketch;

type Case = {readonly from: number; readonly frames: readonly Buffer[]; readonly sketch?: Sketch};

/** Nothing is learned, so what may pass to a host is flooded; a secured port gets only what is for its host. */
const leaves = test.macro({
	async exec(t, {from, frames, sketch = base}: Case, expected: readonly number[]) {
		await installed.change(installed.driver.render(switchPlan(sketch), installed.state));
		await installed.cutAll();
		t.deepEqual(await wire.leaves(from, ...frames), [...expected]);
	},
	title: name => name ?? '',
});

const mac = (port: number | string) => typeof port === 'string' ? port : macFromNumber(port);
const at = (port: number | string, address: string): Addressing => ({mac: mac(port), address: parseAddress(address)});
const nine: Ports = [9, 9];

/** From port and address to MAC and address. */
function packet(from: number, source: string, to: number | string, destination: string, payload: Payload = udp(nine)): Case {
	return {from, frames: [ipFrame(at(from, source), at(to, destination), payload)]};
}

const ack = tcp(nine, tcpFlag.ack);
const flooded = (...but: number[]) => ports.filter(port => !but.includes(port));

test.serial('a denied pair', leaves, packet(4, '10.0.0.4', 3, '10.0.0.3'), []);
test.serial('an open pair', leaves, packet(3, '10.0.0.3', 4, '10.0.0.4'), [4, trunk]);
test.serial('an allowed pair', leaves, packet(1, '10.0.0.1', 2, '10.0.0.2'), [2, 3, 4, trunk]);
test.serial('an allowed pair, IPv6', leaves, packet(1, 'fd00::1', 2, 'fd00::2'), [2, 3, 4, trunk]);
test.serial('to a bound host that no rule opens', leaves, packet(4, '10.0.0.4', 2, '10.0.0.2'), []);

test.serial('untracked: TCP from the middle of a connection meets the deny rules', leaves, packet(4, '10.0.0.4', 3, '10.0.0.3', ack), []);
test.serial('untracked: what no rule denies passes between unbound hosts', leaves, packet(3, '10.0.0.3', 4, '10.0.0.4', ack), [4, trunk]);
test.serial('untracked: no rule allows it to a bound host', leaves, packet(1, '10.0.0.1', 2, '10.0.0.2', ack), []);
test.serial('untracked: a stateless rule does', leaves, {...packet(1, '10.0.0.1', 2, '10.0.0.2', ack), sketch: {...base, rules: ['allow sg:a to sg:a tcp stateless']}}, [2, 3, 4, trunk]);
test.serial('untracked: an allow rule before a deny does not spare it', leaves, {
	...packet(4, '10.0.0.4', 3, '10.0.0.3', ack), sketch: {...base, rules: ['1: allow 10.0.0.4 to any', '2: deny any to 10.0.0.3']},
}, []);

for (const [rule, ...expected] of [
	['allow any to any stateless', 1, 2, 3, trunk],
	['allow any to any udp dport 9', 1, 2, 3, trunk],
	['allow any to 10.0.0.2', 2, 3, trunk],
	['allow any to !sg:a', 3, trunk],
	['allow any to any udp dport 8', 3, trunk],
	['reject any to any', 3, trunk],
] as const) {
	test.serial(`broadcast: ${rule}`, leaves, {...packet(4, '10.0.0.4', everybody, '10.0.0.255'), sketch: {...base, rules: [rule]}}, expected);
	test.serial(`multicast: ${rule}`, leaves, {...packet(4, '10.0.0.4', '01:00:5e:01:01:01', '224.1.1.1'), sketch: {...base, rules: [rule]}}, expected);
}

for (const [rule, ...expected] of [['allow fd00::4 to any', 1, 2, 3, trunk], ['deny any to any', 3, trunk]] as const) {
	test.serial(`multicast, IPv6: ${rule}`, leaves, {...packet(4, 'fd00::4', '33:33:00:00:00:09', 'ff02::9'), sketch: {...base, rules: [rule]}}, expected);
}

test.serial('broadcast: with isolation all every host is judged', leaves, {...packet(4, '10.0.0.4', everybody, '255.255.255.255'), sketch: {...base, isolation: 'all'}}, [trunk]);
test.serial('broadcast: nobody on the other side of a firewall', leaves, {...packet(4, '10.7.0.4', everybody, '255.255.255.255'), sketch: {...base, isolation: 'none', rules: [], domains: ['10.0.0.0/24', '10.7.0.0/24']}}, [3, trunk]);

test.serial('broadcast MAC: an address of one host is judged as such', leaves, packet(4, '10.0.0.4', everybody, '10.0.0.3'), []);
test.serial('broadcast MAC: a bound host that no rule opens gets nothing', leaves, packet(4, '10.0.0.4', everybody, '10.0.0.1'), []);
test.serial('broadcast MAC: a permitted packet reaches its bound host and no other', leaves, packet(2, '10.0.0.2', everybody, '10.0.0.1'), [1, 3, 4, trunk]);
test.serial('a broadcast address in a frame to one host is judged for that host', leaves, packet(4, '10.0.0.4', 1, '10.0.0.255'), [3, trunk]);

test.serial('secured port: another MAC', leaves, {from: 1, frames: [ipFrame(at(3, '10.0.0.1'), at(4, '10.0.0.4'), udp(nine))]}, []);
test.serial('secured port: another address', leaves, packet(1, '10.0.0.3', 4, '10.0.0.4'), []);
test.serial('secured port: another address, IPv6', leaves, packet(1, 'fd00::3', 4, 'fd00::4'), []);
test.serial('secured port: an allowed address', leaves, packet(2, '10.9.0.7', 3, '10.0.0.3'), [3, 4, trunk]);
test.serial('secured port: ARP for its address', leaves, {from: 1, frames: [arpRequest(at(1, '10.0.0.1'), parseAddress('10.0.0.3'))]}, flooded(1));
test.serial('secured port: ARP for another address', leaves, {from: 1, frames: [arpReply(at(1, '10.0.0.3'), at(4, '10.0.0.4'))]}, []);
test.serial('secured port: ARP with another MAC inside', leaves, {from: 1, frames: [withMac(arpReply(at(3, '10.0.0.1'), at(4, '10.0.0.4')), 1)]}, []);
test.serial('secured port: a probe for its address', leaves, {from: 1, frames: [arpRequest(at(1, '0.0.0.0'), parseAddress('10.0.0.1'))]}, flooded(1));
test.serial('secured port: a probe for another', leaves, {from: 1, frames: [arpRequest(at(1, '0.0.0.0'), parseAddress('10.0.0.3'))]}, []);
test.serial('unsecured port: ARP is for everybody', leaves, {from: 4, frames: [arpRequest(at(4, '10.0.0.4'), parseAddress('10.0.0.1'))]}, flooded(4));
test.serial('secured port: neither ARP nor IP is sent', leaves, {from: 1, frames: [ethernet(mac(1), mac(4), 0x88_B5, Buffer.alloc(50))]}, []);
test.serial('secured port: neither ARP nor IP is received', leaves, {from: 4, frames: [ethernet(mac(4), everybody, 0x88_B5, Buffer.alloc(50))]}, [3, trunk]);

const ownAddress = linkLocalAddress(mac(1));
const own = formatAddress(ownAddress);
test.serial('secured port: neighbour solicitation', leaves, {from: 1, frames: [neighborSolicitation({mac: mac(1), address: ownAddress}, parseAddress('fd00::4'))]}, flooded(1));
test.serial('secured port: neighbour advertisement', leaves, {from: 1, frames: [neighborAdvertisement(at(1, 'fd00::1'), at(4, 'fd00::4'))]}, [3, 4, trunk]);
test.serial('secured port: advertisement of another address', leaves, {from: 1, frames: [discovery(1, {source: 'fd00::1', type: 136, target: 'fd00::3', option: [2, 1]})]}, []);
test.serial('secured port: advertisement with another MAC inside', leaves, {from: 1, frames: [discovery(1, {source: 'fd00::1', type: 136, target: 'fd00::1', option: [2, 3]})]}, []);
test.serial('secured port: advertisement with a second option', leaves, {from: 1, frames: [discovery(1, {source: 'fd00::1', type: 136, target: 'fd00::1', option: [2, 1], more: linkLayer(2, 3)})]}, []);
test.serial('secured port: duplicate address detection', leaves, {from: 1, frames: [discovery(1, {source: '::', type: 135, target: 'fd00::1'})]}, flooded(1));
test.serial('secured port: duplicate address detection with a nonce', leaves, {from: 1, frames: [discovery(1, {source: '::', type: 135, target: 'fd00::1', more: Buffer.from('0e01010203040506', 'hex')})]}, flooded(1));
test.serial('secured port: duplicate address detection of another address', leaves, {from: 1, frames: [discovery(1, {source: '::', type: 135, target: 'fd00::3'})]}, []);
test.serial('secured port: a router advertisement', leaves, {from: 1, frames: [discovery(1, {source: 'fd00::1', type: 134, target: 'fd00::1'})]}, []);
test.serial('secured port: a router advertisement in fragments', leaves, {from: 1, frames: fragments6(ipPacket(parseAddress('fd00::1'), parseAddress('ff02::1'), icmp6(Buffer.concat([words(134 * 256, 0), Buffer.alloc(60)])), 255))}, []);
test.serial('unsecured port: a router advertisement', leaves, {from: trunk, frames: [discovery(trunk, {source: 'fe80::9', type: 134, target: 'fd00::1'})]}, flooded(trunk));
test.serial('secured port: anything else from no address', leaves, packet(1, '::', 4, 'fd00::4', echoRequest(6, 7)), []);

for (const [what, frames] of [
	['a packet', packet(4, '10.0.0.1', 2, '10.0.0.2').frames],
	['a packet to an unbound host', packet(4, '10.0.0.1', 3, '10.0.0.3').frames],
	['an IPv6 packet', packet(4, 'fd00::1', 2, 'fd00::2').frames],
	['an ARP reply', [arpReply(at(4, '10.0.0.1'), at(3, '10.0.0.3'))]],
	['an ARP request', [arpRequest(at(4, '10.0.0.1'), parseAddress('10.0.0.3'))]],
	['a neighbour advertisement', [discovery(4, {source: 'fd00::4', type: 136, target: 'fd00::1'})]],
] as const) {
	test.serial(`address of a bound host: not ${what} of another host`, leaves, {from: 4, frames}, []);
}

const elsewhere = {...base, bound: `${base.bound} 10.0.0.77`, rules: ['allow 10.0.0.77 to any']} satisfies Sketch;
test.serial('address of a bound host: nor when that one is at another bridge', leaves, {...packet(4, '10.0.0.77', 2, '10.0.0.2'), sketch: elsewhere}, []);
test.serial('address of a bound host: from where other bridges are', leaves, {...packet(trunk, '10.0.0.77', 2, '10.0.0.2'), sketch: elsewhere}, [2, 3, 4]);
const twin = {...base, bound: `${base.bound} 10.0.0.4 fd00::4`, rules: []} satisfies Sketch;
test.serial('address of a bound host: a host of another network may have the same', leaves, {...packet(4, '10.0.0.4', 3, '10.0.0.3'), sketch: twin}, [3, trunk]);
test.serial('address of a bound host: a host of another network may advertise the same', leaves, {from: 4, frames: [discovery(4, {source: 'fd00::4', type: 136, target: 'fd00::4'})], sketch: twin}, flooded(4));
test.serial('address of a bound host: who has lifted port security may use it', leaves, {...packet(4, '10.0.0.1', 2, '10.0.0.2'), sketch: {...base, hosts: [...base.hosts.slice(0, 3), '10.0.0.4 fd00::4 lifted']}}, [2, 3, trunk]);
test.serial('address of a bound host: an advertisement of an own address', leaves, {from: 4, frames: [discovery(4, {source: 'fd00::4', type: 136, target: 'fd00::4'})]}, flooded(4));

test.serial('MAC of a secured host: no frame comes from elsewhere with it', leaves, {from: 4, frames: [withMac(packet(4, '10.0.0.9', 3, '10.0.0.3').frames[0] as Buffer, 1)]}, []);
test.serial('MAC of a secured host: nor from another bridge', leaves, {from: trunk, frames: [withMac(packet(trunk, '10.0.0.9', 3, '10.0.0.3').frames[0] as Buffer, 1)]}, []);
test.serial('MAC of a router: no frame comes from a host with it', leaves, {from: 4, frames: [ipFrame({mac: router, address: parseAddress('10.0.0.9')}, at(3, '10.0.0.3'), udp(nine))]}, []);

test.serial('an interface that no plan knows: nothing comes from there', leaves, {...packet(trunk, '10.0.0.9', 3, '10.0.0.3'), sketch: {...base, ports: [1, 2, 3, 4]}}, []);
test.serial('an interface that no plan knows: nor ARP', leaves, {from: trunk, frames: [arpRequest(at(trunk, '10.0.0.9'), parseAddress('10.0.0.3'))], sketch: {...base, ports: [1, 2, 3, 4]}}, []);
test.serial('an interface that no plan knows: nothing goes there', leaves, {...packet(3, '10.0.0.3', 4, '10.0.0.4'), sketch: {...base, ports: [1, 2, 3, 4]}}, [4]);

const noSix = {...base, isolation: 'all', rules: []} satisfies Sketch;
const [all, allRouters] = ['33:33:00:00:00:01', '33:33:00:00:00:02'];
test.serial('multicast listener: a report of a secured host', leaves, {...control(1, own, all, 'ff02::16', 143), sketch: noSix}, flooded(1));
test.serial('multicast listener: none to one host', leaves, {...control(1, 'fd00::1', 3, 'fd00::3', 131), sketch: noSix}, []);
test.serial('multicast listener: no query of a secured host', leaves, {...control(1, own, all, 'ff02::1', 130), sketch: {...base, isolation: 'none', rules: []}}, []);
test.serial('multicast listener: a query of a router', leaves, {...control(trunk, 'fe80::9', all, 'ff02::1', 130), sketch: noSix}, flooded(trunk));
test.serial('multicast listener: none of an unbound host to one host', leaves, {...control(4, 'fd00::4', 3, 'fd00::3', 132), sketch: noSix}, []);
test.serial('router solicitation: to all routers', leaves, {...control(1, own, allRouters, 'ff02::2', 133), sketch: noSix}, flooded(1));
test.serial('router solicitation: none to one host', leaves, {...control(1, own, 3, 'fd00::3', 133), sketch: noSix}, []);
test.serial('router solicitation: none of an unbound host to one host', leaves, {...control(4, 'fd00::4', 3, 'fd00::3', 133), sketch: noSix}, []);
test.serial('redirect: one of a secured host is judged', leaves, {...control(1, own, 3, 'fd00::3', 137), sketch: noSix}, []);
test.serial('redirect: one of a router is not', leaves, {...control(trunk, 'fe80::9', 3, 'fd00::3', 137), sketch: noSix}, [3, 4]);

test.serial('router: a frame to its MAC is not judged', leaves, {...packet(4, '10.0.0.4', router, '10.0.0.254'), sketch: {...base, isolation: 'all'}}, [3, trunk]);
test.serial('router: its address in a frame to a host is judged', leaves, {...packet(4, '10.0.0.4', 3, '10.0.0.254'), sketch: {...base, isolation: 'all'}}, []);
test.serial('router: a rule for its address holds in a frame to a host', leaves, {...packet(4, '10.0.0.4', 3, '10.0.0.254'), sketch: {...base, rules: ['deny any to 10.0.0.254']}}, []);

const [toServer, toClient]: readonly [Ports, Ports] = [[68, 67], [67, 68]];
test.serial('DHCP: a question to everybody reaches no secured port', leaves, {from: 1, frames: [dhcpDiscover(mac(1), 7)]}, [3, 4, trunk]);
test.serial('DHCP: a question from its address reaches no secured port', leaves, packet(1, '10.0.0.1', everybody, '10.0.0.255', udp(toServer)), [3, 4, trunk]);
test.serial('DHCP: a question to a secured host does not arrive', leaves, packet(1, '10.0.0.1', 2, '10.0.0.2', udp(toServer)), [3, 4, trunk]);
test.serial('DHCP: a question to a server does', leaves, packet(1, '10.0.0.1', 3, '10.0.0.3', udp(toServer)), [3, 4, trunk]);
test.serial('DHCP: a question from no address to one host', leaves, packet(1, '0.0.0.0', 3, '10.0.0.3', udp(toServer)), []);
test.serial('DHCP: a question to a group is judged', leaves, {...packet(1, '10.0.0.1', '01:00:5e:01:01:01', '224.1.1.1', udp(toServer)), sketch: noSix}, [trunk]);
test.serial('DHCP: a question to all servers, IPv6', leaves, {...packet(1, own, '33:33:00:01:00:02', 'ff02::1:2', udp([546, 547])), sketch: noSix}, [3, 4, trunk]);
test.serial('DHCP: a question to another group is judged, IPv6', leaves, {...packet(1, own, all, 'ff02::1', udp([546, 547])), sketch: noSix}, [trunk]);
test.serial('DHCP: a question to one server from the link-local address, IPv6', leaves, {...packet(1, own, 3, 'fe80::ff:fe00:3', udp([546, 547])), sketch: noSix}, [3, 4, trunk]);
test.serial('DHCP: a question to one server from another address is judged, IPv6', leaves, {...packet(1, 'fd00::1', 3, 'fd00::3', udp([546, 547])), sketch: noSix}, []);
test.serial('DHCP: an answer of a secured host', leaves, packet(1, '10.0.0.1', 4, '10.0.0.4', udp(toClient)), []);
test.serial('DHCP: an answer meets the rules of an unbound host', leaves, packet(4, '10.0.0.4', 3, '10.0.0.3', udp(toClient)), []);
test.serial('DHCP: an answer reaches a bound host', leaves, packet(4, '10.0.0.4', 2, '10.0.0.2', udp(toClient)), [2, 3, trunk]);
test.serial('DHCP: an answer to everybody reaches bound hosts', leaves, {from: 4, frames: [dhcpOffer(at(4, '10.0.0.4'), everybody, parseAddress('10.0.0.2'), 7)]}, flooded(4));

test.serial('priority tag: nothing passes that could hide behind it', leaves, {from: 4, frames: [tagged(0, 4, 3)]}, []);
test.serial('priority tag: nor behind two', leaves, {from: 4, frames: [ethernet(mac(4), mac(3), etherType.ipv4, ipv4('10.0.0.4', '10.0.0.3'), 2)]}, []);
test.serial('priority tag: nor behind one of a provider', leaves, {from: 4, frames: [ethernet(mac(4), mac(3), 0x88_A8, Buffer.concat([words(0, etherType.ipv4), ipv4('10.0.0.4', '10.0.0.3')]))]}, []);
test.serial('priority tag: none from a secured port', leaves, {from: 1, frames: [ethernet(mac(1), mac(3), etherType.ipv4, ipv4('10.0.0.1', '10.0.0.3'), 1)]}, []);

test.serial('another tag: to unsecured ports as it is', leaves, {from: 4, frames: [tagged(5, 4, 3)]}, [3, trunk]);
test.serial('another tag: none from a secured port', leaves, {from: 1, frames: [tagged(5, 1, 3)]}, []);

const large = udp(nine, Buffer.alloc(800, 7));
test.serial('fragments of a denied pair', leaves, {from: 4, frames: fragments4('10.0.0.4', '10.0.0.3', large)}, []);
test.serial('fragments of what a rule with ports allows', leaves, {from: 4, frames: fragments4('10.0.0.4', '10.0.0.1', large), sketch: {...base, rules: ['allow any to 10.0.0.1 udp dport 9']}}, [1, 3, trunk]);
test.serial('fragments of another port', leaves, {from: 4, frames: fragments4('10.0.0.4', '10.0.0.1', large), sketch: {...base, rules: ['allow any to 10.0.0.1 udp dport 8']}}, []);

const hidden = (to: number | string, destination: string, type: number) => fragments6(behindOptions('fd00::1', destination, udp([9, type], Buffer.alloc(64))), mac(to));
test.serial('fragments: a first one without its header hides no port', leaves, {from: 1, frames: hidden(2, 'fd00::2', 54), sketch: {...base, rules: ['deny any to any udp dport 54', 'allow any to any']}}, []);
test.serial('fragments: nor to many', leaves, {from: 1, frames: hidden(all, 'ff02::9', 54).slice(0, 1), sketch: {...base, rules: ['deny any to any udp dport 54', 'allow any to any']}}, []);
test.serial('fragments: nor alone', leaves, {from: 1, frames: hidden(2, 'fd00::2', 54).slice(0, 1), sketch: {...base, rules: ['deny any to any udp dport 54', 'allow any to any stateless']}}, []);

test.serial('rejected: what a firewall parts goes on in a frame to a router', leaves, {...packet(4, '10.0.0.4', router, '10.7.0.1'), sketch: {...base, domains: ['10.0.0.0/24', '10.7.0.0/24'], rules: ['reject any to 10.7.0.1']}}, [3, trunk]);
test.serial('rejected: only a router answers', async t => {
	await installed.change(installed.driver.render(switchPlan({...base, domains: ['10.0.0.0/24', '10.7.0.0/24'], rules: ['reject any to 10.7.0.1']}), installed.state));
	await installed.cutAll();
	const [client, server] = [at(4, '10.0.0.4'), parseAddress('10.7.0.1')];
	const leavesBy = async (from: number, by: string) => {
		// Connection tracking forgets what is reset, whoever did.
		t.deepEqual(await wire.leaves(4, ipFrame(client, {mac: router, address: server}, tcp(nine))), [3, trunk]);
		return wire.leaves(from, ipFrame({mac: by, address: server}, client, tcp(nine, tcpFlag.rst)));
	};

	t.deepEqual(await leavesBy(3, mac(3)), [], 'a host');
	t.deepEqual(await leavesBy(3, router), [], 'a host with the MAC of the router');
	t.deepEqual(await leavesBy(trunk, mac(8)), [], 'somebody else');
	t.deepEqual(await leavesBy(trunk, router), [3, 4]);
});
test.serial('rejected: not in a frame to a host', leaves, {...packet(4, '10.0.0.4', 3, '10.7.0.1'), sketch: {...base, domains: ['10.0.0.0/24', '10.7.0.0/24'], rules: ['reject any to 10.7.0.1']}}, []);
test.serial('rejected: nobody answers inside a domain', leaves, {...packet(4, '10.0.0.4', 3, '10.0.0.3'), sketch: {...base, rules: ['reject any to any']}}, []);

function ipv4(source: string, destination: string): Buffer {
	return ipPacket(parseAddress(source), parseAddress(destination), udp(nine));
}

function tagged(vlan: number, from: number, to: number): Buffer {
	return ethernet(mac(from), mac(to), 0x81_00, Buffer.concat([words(vlan, etherType.ipv4), ipv4(`10.0.0.${from}`, `10.0.0.${to}`)]));
}

/** Another source in the Ethernet header alone. */
function withMac(frame: Buffer, port: number): Buffer {
	return Buffer.concat([frame.subarray(0, 6), Buffer.from(mac(port).replaceAll(':', ''), 'hex'), frame.subarray(12)]);
}

function linkLayer(type: number, port: number): Buffer {
	return Buffer.concat([Buffer.from([type, 1]), Buffer.from(mac(port).replaceAll(':', ''), 'hex')]);
}

function icmp6(bytes: Buffer): Payload {
	return {protocol: 58, bytes, checksumAt: 2};
}

type Discovery = {readonly source: string; readonly type: number; readonly target: string; readonly option?: readonly [type: number, port: number]; readonly more?: Buffer};

function discovery(from: number, {source, type, target, option, more = Buffer.alloc(0)}: Discovery): Buffer {
	const address = Buffer.from(parseAddress(target).value.toString(16).padStart(32, '0'), 'hex');
	const bytes = Buffer.concat([words(type * 256, 0), longs(0), address, option ? linkLayer(...option) : Buffer.alloc(0), more]);
	return ethernet(mac(from), '33:33:00:00:00:01', etherType.ipv6, ipPacket(parseAddress(source), parseAddress('ff02::1'), icmp6(bytes), 255));
}

/** A message of neighbour or multicast listener discovery without options, with the hop limit that it must have. */
function control(from: number, source: string, to: number | string, destination: string, type: number): Case {
	const bytes = Buffer.concat([words(type * 256, 0), Buffer.alloc(type === 137 ? 36 : type === 133 || type === 143 ? 4 : 20)]);
	const hopLimit = type === 133 || type === 137 ? 255 : 1;
	return {from, frames: [ethernet(mac(from), mac(to), etherType.ipv6, ipPacket(parseAddress(source), parseAddress(destination), icmp6(bytes), hopLimit))]};
}

/** A packet of IPv4 from port 4 in two. */
function fragments4(source: string, destination: string, payload: Payload): Buffer[] {
	const [from, to] = [parseAddress(source), parseAddress(destination)];
	const body = ipPacket(from, to, payload).subarray(20);
	// The larger one first: a bridge that puts packets together takes them apart at the size of the largest.
	const split = 416;
	return [[body.subarray(0, split), 0x20_00], [body.subarray(split), split / 8]].map(([part, place]) => {
		const packet = Buffer.from(ipPacket(from, to, {protocol: payload.protocol, bytes: part as Buffer}));
		packet.writeUInt16BE(0x77_77, 4);
		packet.writeUInt16BE(place as number, 6);
		packet.writeUInt16BE(0, 10);
		packet.writeUInt16BE(headerSum(packet.subarray(0, 20)), 10);
		return ethernet(mac(4), mac(Number(destination.split('.')[3])), etherType.ipv4, packet);
	});
}

function headerSum(header: Buffer): number {
	let sum = 0;
	for (let offset = 0; offset < header.length; offset += 2) {
		sum += header.readUInt16BE(offset);
	}

	return 0xFF_FF - ((sum & 0xFF_FF) + (sum >>> 16));
}

/** A packet with destination options that say nothing, as long as the first fragment. RFC 8200, 4.6 */
function behindOptions(source: string, destination: string, payload: Payload): Buffer {
	const [from, to] = [parseAddress(source), parseAddress(destination)];
	const options = Buffer.concat([Buffer.from([payload.protocol, 3, 1, 28]), Buffer.alloc(28)]);
	return ipPacket(from, to, {protocol: 60, bytes: Buffer.concat([options, ipPacket(from, to, payload).subarray(40)])});
}

/** A packet of IPv6 from port 1 in two. RFC 8200, 4.5 */
function fragments6(packet: Buffer, to = '33:33:00:00:00:01'): Buffer[] {
	const [header, body] = [packet.subarray(0, 40), packet.subarray(40)];
	const split = 32;
	return [[body.subarray(0, split), 1], [body.subarray(split), split]].map(([part, place]) => {
		const own = Buffer.concat([header, Buffer.from([packet[6] ?? 0, 0]), words(place as number), longs(0x77), part as Buffer]);
		own.writeUInt16BE(own.length - 40, 4);
		own[6] = 44;
		return ethernet(mac(1), to, etherType.ipv6, own);
	});
}
