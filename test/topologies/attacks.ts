/** What an attacker in a running lab tried, on real packets: each sentence about the policy holds against it. */
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {type Frame, arrives, echoReply, everybody, tcp, udp} from '../helpers/raw-frames.ts';
import {connects, isBlocked, isCut, labOf, openStream, staysOpen} from '../helpers/scenario.ts';
import SecureNet from '../../topologies/securenet.ts';

const addresses = {h10: '10.0.10.10', h11: '10.0.10.11'} as const;
type Host = keyof typeof addresses;

/** Whether a frame between two hosts of s1 arrives; what the frame leaves out is as it should be. */
async function passes(t: ExecutionContext, lab: Lab, a: Host, b: Host, frame: Partial<Frame>): Promise<boolean> {
	return arrives(t, lab, [a, b], {toMac: macOf(lab, b), from: addresses[a], to: addresses[b], ...udp(), ...frame});
}

function macOf(lab: Lab, node: string): string {
	return lab.node(node).interfaces[0]?.mac ?? '';
}

test.serial('an address that only another subnet takes for broadcast is a host', async t => {
	const lab = await labOf(t, new Sketch(`
		h1 10.0.2.10/24 -- s1
		h2 10.0.2.11/24 -- s1
		h3 10.0.2.12/24 -- s1
		h4 10.0.2.13/16 -- s2
		s1 -- fw 10.0.2.254/24
		s2 -- fw 10.1.2.254/24
	`));
	t.true(await connects(lab, 'h1', 'h2'));
	await lab.run('secrule add deny h1 to h2');
	t.true(await isBlocked(lab, 'h1', 'h2'));
});

test.serial('a deny between hosts in no group ends a running connection', async t => {
	const lab = await labOf(t, new SecureNet());
	const stream = await openStream(t, lab, 'tcp', 'h11', 'h10');
	t.true(await staysOpen(stream));
	await lab.run('secrule add deny h11 to h10');
	t.true(await isCut(stream));
});

for (const [name, kind] of [
	['an ACK of no connection', tcp(0x10)],
	['a FIN of no connection', tcp(0x11)],
	['a UDP packet with a wrong checksum', udp([9, 9], 0x12_34)],
	['an echo reply that nobody asked for', echoReply],
] as const) {
	test.serial(`${name} meets the deny rules, and passes where there is none`, async t => {
		const lab = await labOf(t, new SecureNet());
		t.true(await passes(t, lab, 'h11', 'h10', kind));
		await lab.run('secrule add deny h11 to h10');
		t.false(await passes(t, lab, 'h11', 'h10', kind));
		t.true(await passes(t, lab, 'h10', 'h11', kind));
	});
}

test.serial('a broadcast MAC does not get a packet past the rules for its address', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('secrule add deny h11 to h10');
	await lab.node('h11').run`ip neigh replace ${addresses.h10} lladdr ${everybody} dev ${lab.node('h11').interfaces[0]?.name ?? ''}`;
	t.true(await isBlocked(lab, 'h11', 'h10'));
	t.false(await passes(t, lab, 'h11', 'h10', {toMac: everybody}));
	t.true(await passes(t, lab, 'h10', 'h11', {toMac: everybody}));
});

test.serial('a secured host receives for its own addresses only', async t => {
	const lab = await labOf(t, new SecureNet());
	t.true(await passes(t, lab, 'h11', 'h10', {from: '192.0.2.11', to: '192.0.2.10'}));
	await lab.run('h10 bind sg1', 'secrule add allow any to sg1');
	for (const toMac of [macOf(lab, 'h10'), everybody]) {
		t.false(await passes(t, lab, 'h11', 'h10', {toMac, from: '192.0.2.11', to: '192.0.2.10'}), toMac);
		t.true(await passes(t, lab, 'h11', 'h10', {toMac}), toMac);
	}
});

test.serial('the address of a router in a frame to a host meets the rules', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('secrule add deny h10 to any');
	t.false(await passes(t, lab, 'h10', 'h11', {to: '10.0.10.254'}));
	await lab.node('h10').run`ping -c 1 -W 2 10.0.10.254`;
});

test.serial('DHCP is no channel between secured hosts, nor past a deny rule', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('secrule add deny h10 to h11');
	t.false(await passes(t, lab, 'h10', 'h11', udp([67, 68])));
	await lab.run('secrule del 1', 'h10 bind sg1', 'h11 bind sg2');
	t.false(await passes(t, lab, 'h10', 'h11', udp([68, 67])));
	t.false(await passes(t, lab, 'h10', 'h11', {...udp([68, 67]), toMac: everybody, from: '0.0.0.0', to: '255.255.255.255'}));
	await lab.run('h11 unbind sg2');
	t.true(await passes(t, lab, 'h10', 'h11', {...udp([68, 67]), toMac: everybody, from: '0.0.0.0', to: '255.255.255.255'}));
	t.true(await passes(t, lab, 'h11', 'h10', udp([67, 68])));
});

test.serial('a priority tag hides nothing from the rules', async t => {
	const lab = await labOf(t, new SecureNet());
	t.true(await passes(t, lab, 'h10', 'h11', {priorityTags: 1}));
	await lab.run('secrule add deny h10 to h11');
	t.false(await passes(t, lab, 'h10', 'h11', {priorityTags: 1}));
	t.false(await passes(t, lab, 'h10', 'h11', {priorityTags: 2}));
	t.true(await passes(t, lab, 'h11', 'h10', {priorityTags: 1}));
});

test.serial('an unbound host gains nothing by the address or the MAC of a bound one', async t => {
	const lab = await labOf(t, new Sketch(`
		h1 10.0.1.1/24 -- s1
		h2 10.0.1.2/24 -- s1
		h3 10.0.1.3/24 -- s1
	`));
	await lab.run('h1 bind sg1', 'h2 bind sg2', 'secrule add allow sg1 to sg2');
	t.true(await connects(lab, 'h1', 'h2'));
	t.false(await arrives(t, lab, ['h3', 'h2'], {toMac: macOf(lab, 'h2'), from: '10.0.1.1', to: '10.0.1.2', ...udp()}));
	t.true(await arrives(t, lab, ['h1', 'h2'], {toMac: macOf(lab, 'h2'), from: '10.0.1.1', to: '10.0.1.2', ...udp()}));
	await lab.node('h3').run`ip link set ${lab.node('h3').interfaces[0]?.name ?? ''} address ${macOf(lab, 'h2')}`;
	t.true(await isBlocked(lab, 'h3', 'h1'));
	t.true(await connects(lab, 'h1', 'h2'));
});
