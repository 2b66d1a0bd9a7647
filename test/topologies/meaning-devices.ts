/** What a policy means, point by point, on real packets: ports of bound hosts, revocation, change without harm, where packets die, how they are rejected, what is refused. */
import test, {type ExecutionContext} from 'ava';
import {DeviceError, InputError, type InstalledLine, type Lab, probe, probeAll} from '../../lib/index.ts';
import {createPerimeterDriver} from '../../lib/drivers/iptables-perimeter.ts';
import {addRule} from '../../lib/policy/repository.ts';
import {words} from '../../lib/probes/bytes.ts';
import {type Addressing, arpReply, dhcpDiscover, dhcpOffer, ethernet, ipFrame} from '../../lib/probes/frame.ts';
import {dhcp6Reply, listenerQuery, listenerReport, routerAdvertisement} from '../../lib/probes/frame-ipv6.ts';
import {type Injection, injectAll} from '../../lib/probes/inject.ts';
import {udp} from '../../lib/probes/packet.ts';
import {broadcastMac} from '../../lib/probes/protocols.ts';
import {Stream} from '../../lib/probes/stream.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {meaningNetwork} from '../helpers/meaning-network.ts';
import {patience, pingPatience} from '../helpers/patience.ts';
import {connects, isBlocked, labOf, losesNothing, pingDuring, probes} from '../helpers/scenario.ts';

function addressing(lab: Lab, host: string, family: 4 | 6 = 4): Addressing {
	const [first] = lab.node(host).interfaces;
	const address = first?.addresses.map(each => each.address).find(each => each.family === family);
	if (!first || !address) {
		throw new TypeError(`${host} has no address of IPv${family}.`);
	}

	return {mac: first.mac, address};
}

/** Frames that must arrive, and frames that must not, each with what it is; all are of one size and differ. */
async function frames(t: ExecutionContext, lab: Lab, arrive: Readonly<Record<string, Injection>>, die: Readonly<Record<string, Injection>>): Promise<void> {
	for (const [expected, all, timeout] of [['allowed', arrive, 2000 * patience], ['blocked', die, 300 * patience]] as const) {
		const outcomes = await injectAll(lab.network, Object.values(all), timeout);
		t.deepEqual(Object.fromEntries(Object.keys(all).map((what, index) => [what, outcomes[index]?.verdict])), Object.fromEntries(Object.keys(all).map(what => [what, expected])));
	}
}

test.serial('2.5 the port of a bound host: own MAC and addresses and what is declared, no server\'s answers, ARP always, IP alone, multicast for each receiver; lifted, all of it passes', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('h1 bind a', 'h2 bind a', 'secrule add allow any to any udp dport 9');
	const [h1, h2, h3] = ['h1', 'h2', 'h3'].map(host => addressing(lab, host)) as [Addressing, Addressing, Addressing];
	const [own6, other6] = ['h1', 'h3'].map(host => addressing(lab, host, 6)) as [Addressing, Addressing];
	const group = parseAddress('ff02::fb');
	const mac = '02:00:00:00:00:99';
	let sport = 1000;
	const packet = (from: string, to: string, source: Addressing, target: Addressing, dport = 9): Injection => ({from, to, frame: ipFrame(source, target, udp([sport++, dport], Buffer.from('x')))});
	const foreign = parseAddress('10.0.1.99');
	const everybody = {mac: '01:00:5e:00:00:fb', address: parseAddress('224.0.0.251')};
	const all = {mac: broadcastMac, address: parseAddress('255.255.255.255')};
	const other = (from: string, to: string): Injection => ({from, to, frame: ethernet(addressing(lab, from).mac, broadcastMac, 0x88_B5, words(sport++, 1, 2, 3))});
	await frames(t, lab, {
		'own MAC and address': packet('h1', 'h2', h1, h2),
		'a declared address': packet('h2', 'h1', {...h2, address: parseAddress('10.0.1.50')}, h1),
		'ARP of its own': {from: 'h1', to: 'h2', frame: arpReply(h1, h2)},
		'DHCP client': {from: 'h1', to: 'h3', frame: dhcpDiscover(h1.mac, 7)},
		'lifted: another MAC and address': packet('h3', 'h2', {mac, address: foreign}, h2),
		'lifted: a DHCP answer': {from: 'h3', to: 'h1', frame: dhcpOffer(h3, h1.mac, h1.address, 8)},
		'multicast to a member that a rule allows': packet('h3', 'h1', h3, everybody),
		'multicast to whom nothing is judged for': packet('h1', 'h3', h1, everybody, 5353),
		'broadcast to a member that a rule allows': packet('h3', 'h1', h3, all),
		'broadcast to whom nothing is judged for': packet('h1', 'h3', h1, all, 5353),
		'a listener\'s report': {from: 'h1', to: 'h3', frame: listenerReport(own6, group)},
		'lifted: a DHCPv6 answer': {from: 'h3', to: 'h1', frame: dhcp6Reply(other6, own6, 10)},
		'lifted: a router advertisement': {from: 'h3', to: 'h1', frame: routerAdvertisement(other6)},
		'lifted: a listener query': {from: 'h3', to: 'h1', frame: listenerQuery(other6)},
	}, {
		'another MAC': packet('h1', 'h2', {...h1, mac}, h2),
		'another address': packet('h1', 'h2', {...h1, address: foreign}, h2),
		'ARP with another address': {from: 'h1', to: 'h2', frame: arpReply({...h1, address: foreign}, h2)},
		'a DHCP answer': {from: 'h1', to: 'h3', frame: dhcpOffer(h1, h3.mac, h3.address, 9)},
		'neither ARP nor IP, from it': other('h1', 'h3'),
		'neither ARP nor IP, to it': other('h3', 'h1'),
		'multicast to a member that nothing allows': packet('h3', 'h1', h3, everybody, 5353),
		'broadcast to a member that nothing allows': packet('h3', 'h1', h3, all, 5353),
		'a DHCPv6 answer': {from: 'h1', to: 'h3', frame: dhcp6Reply(own6, other6, 11)},
		'a router advertisement': {from: 'h1', to: 'h3', frame: routerAdvertisement(own6)},
		'a listener query': {from: 'h1', to: 'h3', frame: listenerQuery(own6)},
	});
});

test.serial('2.6 revocation: what is no longer allowed ends within a second, streams that flow only backwards too; with `revoke keep` it runs on', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('h1 bind web', 'h2 bind db', 'h4 bind db', 'secrule add allow web to db');
	const open = async (to: string) => Promise.all([
		Stream.open(lab.network, {from: 'h1', to, transport: 'tcp', port: 5000}),
		Stream.open(lab.network, {from: 'h1', to, transport: 'udp', port: 5001, family: 6}),
		Stream.open(lab.network, {from: 'h1', to, transport: 'udp', port: 5002, backwards: true}),
	]);
	const [near, far] = [await open('h2'), await open('h4')];
	t.teardown(() => {
		[...near, ...far].forEach(stream => {
			stream.close();
		});
	});
	await lab.run('h5 bind other', 'secrule add deny other to db');
	t.deepEqual(await Promise.all([...near, ...far].map(async stream => stream.staysOpen())), [true, true, true, true, true, true]);
	await lab.run('secrule revoke keep', 'h4 unbind db');
	t.deepEqual(await Promise.all(far.map(async stream => stream.staysOpen())), [true, true, true]);
	await probes(t, lab, ['- h1 > h4']);
	await lab.run('secrule revoke cut', 'secrule del 1');
	t.deepEqual(await Promise.all([...near, ...far].map(async stream => stream.isCut(1000 * patience))), [true, true, true, true, true, true]);
});

test.serial('2.7 change without harm: what both policies allow loses nothing, what both deny gets nothing through, and a device that refuses leaves all as it was', async t => {
	let refuses = false;
	const lab = await labOf(t, meaningNetwork(), {drivers: {perimeter: context => {
		const driver = createPerimeterDriver(context);
		const apply = async (step: Parameters<typeof driver.apply>[0]) => {
			if (refuses) {
				throw new DeviceError(step.device, 'allow any to any', new Error('No room left.'));
			}

			await driver.apply(step);
		};

		return {...driver, apply};
	}}});
	await lab.run('h1 bind web', 'h4 bind db', 'secrule add allow web to db');
	const one = lab.policy;
	await lab.run('secrule del 1', 'h2 bind web', 'ipg add ours 10.0.1.0/24', 'secrule add allow ours to db', 'secrule add deny any to any');
	const other = lab.policy;
	const denied = lab.node('h5').execute(['ping', '-i', '0.01', '-c', `${200 * patience}`, lab.node('h1').address ?? '']);
	const count = await pingDuring(lab, 'h1', 'h4', async () => {
		for (let swap = 0; swap < 20; swap++) {
			await lab.change(() => swap % 2 === 0 ? one : other);
		}
	});
	t.true(losesNothing(count), JSON.stringify(count));
	t.regex((await denied).stdout, / 0 received/);
	const texts = async () => [...await lab.installed()].map(([device, lines]) => [device, lines.map(({text}) => text).sort()] as const);
	const [policy, before] = [lab.policy, await texts()];
	refuses = true;
	await t.throwsAsync(lab.run('secrule add allow any to any prio 1'), {instanceOf: DeviceError, message: /^fw refuses "allow any to any".*nothing has changed.*No room left/s});
	t.is(lab.policy, policy);
	t.deepEqual(await texts(), before);
});

test.serial('2.8 where: a device has the rules of the pairs that cross it and judges them alone, and denied traffic dies at the first', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('secrule add deny h1 to h4', 'secrule add deny h1 to h2', 'secrule add allow h1 to h5');
	const devices = async (rule: number) => (await lab.installedOn(rule)).map(({device}) => device).sort();
	t.deepEqual([await devices(1), await devices(2), await devices(3)], [['fw', 's1', 's2'], ['s1'], ['fw', 's1', 's2']]);
	await probes(t, lab, ['- h1 > h4', '- h1 > h4 tcp 80', '- h1 > h2 udp 53', '+ h1 > h5', '- h2 > h5']);
	const packets = (lines: readonly InstalledLine[]) => lines.reduce((sum, line) => sum + line.packets, 0);
	const hits = async (rule: number) => Object.fromEntries((await lab.installedOn(rule)).map(({device, lines}) => [device, packets(lines) > 0]));
	t.deepEqual([await hits(1), await hits(2), await hits(3)], [{fw: false, s1: true, s2: false}, {s1: true}, {fw: true, s1: true, s2: true}]);
	// The default of a parted pair is every device's own, too.
	const parted = async (device: string) => packets((await lab.installed([device])).get(device)?.filter(({sentence}) => sentence?.startsWith('default: a perimeter firewall parts')) ?? []);
	t.deepEqual([await parted('s1') > 0, await parted('fw'), await parted('s2')], [true, 0, 0]);
});

/** At once, so that a limit to a few at a time would show. */
const rejects = 20;

test.serial('2.9 rejected: a reset for TCP and "administratively prohibited" for all else, from the firewall; inside a switch it is dropped', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('h4 bind db', 'h2 bind db', 'secrule add reject any to db', 'secrule add allow any to any');
	const answers = async (to: string, family: 4 | 6) => Promise.all([{tcp: 80}, {udp: 53}, {}].map(async what => {
		const {verdict, rejected} = await probe(lab.network, {from: 'h1', to, family, ...what}, {timeout: to === 'h4' ? pingPatience : 300 * patience});
		return rejected ?? verdict;
	}));
	t.deepEqual([await answers('h4', 4), await answers('h4', 6)], [['reset', 'prohibited', 'prohibited'], ['reset', 'prohibited', 'prohibited']]);
	for (const family of [4, 6] as const) {
		const results = await probeAll(lab.network, Array.from({length: rejects}, (_, number) => ({from: 'h1', to: 'h4', family, udp: 1000 + number})), {timeout: 2 * pingPatience});
		t.deepEqual(results.filter(({rejected}) => rejected !== 'prohibited').map(({probe: {udp: port}, reason}) => `${port ?? ''}: ${reason}`), [], 'a kernel limits its errors unless it is told not to');
	}

	t.deepEqual([await answers('h2', 4), await answers('h2', 6)], [['blocked', 'blocked', 'blocked'], ['blocked', 'blocked', 'blocked']]);
	const said = (await lab.installed(['s1'])).get('s1')?.find(({sentence}) => sentence === 'rejected: there is no firewall between them to answer');
	t.true((said?.packets ?? 0) > 0);
});

test.serial('2.10 what a device cannot do is refused before anything changes, everything in one message', async t => {
	const lab = await labOf(t, meaningNetwork(), {firewalls: ['sg']});
	await lab.run('h1 bind web', 'h2 bind db', 'secrule add allow web to db');
	const [policy, before] = [lab.policy, await lab.installed()];
	const any = {kind: 'any'} as const;
	const error = await t.throwsAsync(lab.change(now => addRule(addRule(now, {action: 'deny', from: any, to: any}), {action: 'reject', from: any, to: any})), {instanceOf: InputError, code: 'unsupported'});
	for (const device of ['s1', 's2']) {
		for (const action of ['deny', 'reject']) {
			t.regex(error.message, new RegExp(`${device}: "${action} any to any": security groups only allow`));
		}
	}

	t.is(lab.policy, policy);
	t.deepEqual([...await lab.installed()].map(([device, lines]) => [device, lines.map(({text}) => text)]), [...before].map(([device, lines]) => [device, lines.map(({text}) => text)]));
	t.deepEqual([await connects(lab, 'h1', 'h2'), await isBlocked(lab, 'h3', 'h2')], [true, true]);
});
