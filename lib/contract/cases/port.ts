/** F1, F2, F8 to F11, S4: what may come from the port of a host, whatever the rules say. */
import {arpReply, arpRequest, dhcpDiscover, dhcpOffer, ipFrame, neighborAdvertisement, neighborSolicitation} from '../../probes/frame.ts';
import type {Addressing} from '../../probes/frame.ts';
import {dhcp6Reply} from '../../probes/frame-ipv6.ts';
import {udp} from '../../probes/packet.ts';
import {broadcastMac, dhcpPort} from '../../probes/protocols.ts';
import {parseAddress} from '../../util/address.ts';
import type {Case} from '../case.ts';
import type {FrameExpectation, Stage} from '../stage.ts';

const inapplicable = {perimeter: 'a perimeter firewall has no ports of hosts'};
const otherMac = '02:00:00:00:00:99';
const transaction = 0x5E_C0_4E_70;
const everybody = {mac: broadcastMac, address: parseAddress('255.255.255.255')};
/** Nobody's, and not listed anywhere. */
const foreign = {4: parseAddress('10.0.0.99'), 6: parseAddress('fd00::99')} as const;
/** Nobody's; F10 lists them for h1. */
const listed = {4: parseAddress('10.0.0.50'), 6: parseAddress('fd00::50')} as const;

export const portCases: readonly Case[] = [
	{
		name: 'F1',
		title: 'default port: ICMP and TCP in are blocked, DHCP client and address resolution are not',
		unbound: ['h4'],
		async run(stage) {
			await stage.probes('- h1 > h2', '- h1 > h2 tcp 80', '- h1 > h2 udp 53');
			if (stage.kind !== 'perimeter') {
				await stage.frames(...resolution(stage, 'h1', 'h2', '+'), ...resolution(stage, 'h2', 'h1', '+'), discover(stage, '+'));
			}
		},
	},
	{
		name: 'F2',
		title: 'a host cannot be a DHCP server',
		inapplicable,
		unbound: ['h3', 'h4'],
		async run(stage) {
			await stage.run('secrule add allow any to any');
			await stage.frames(offer(stage, 'h3', '+'), offer(stage, 'h1', '-'));
		},
	},
	{
		name: 'F8',
		title: 'a changed MAC address: all is blocked',
		inapplicable,
		unbound: ['h4'],
		async run(stage) {
			await stage.run('secrule add allow any to any');
			const [own, to] = [stage.addressing('h1'), stage.addressing('h2')];
			const changed = {...own, mac: otherMac};
			await stage.frames(
				packet('own MAC and address', own, to, '+', 1001), packet('another MAC', changed, to, '-', 1002),
				...claims(stage, changed, 'another MAC', '-'),
				{from: 'h1', to: 'h4', sign: '-', what: 'DHCP discover, another MAC', frame: dhcpDiscover(otherMac, transaction)},
			);
		},
	},
	{
		name: 'F9',
		title: 'a changed IP address: all is blocked, DHCP too',
		inapplicable,
		unbound: ['h4'],
		async run(stage) {
			await stage.run('secrule add allow any to any');
			const [own, to] = [stage.addressing('h1'), stage.addressing('h2')];
			const changed = {...own, address: foreign[stage.family]};
			const wrongSource = {mac: own.mac, address: foreign[4]};
			await stage.frames(
				packet('own MAC and address', own, to, '+', 1003), packet('another address', changed, to, '-', 1004),
				...claims(stage, changed, 'another address', '-'),
				{from: 'h1', to: 'h4', sign: '-', what: 'DHCP from another address', frame: ipFrame(wrongSource, everybody, udp([dhcpPort.client, dhcpPort.server], Buffer.from('x')))},
			);
		},
	},
	{
		name: 'F10',
		title: 'allowed addresses: what is listed passes, from the host\'s own MAC only',
		inapplicable,
		ground: {hosts: {h1: {allowedAddresses: ['10.0.0.50', 'fd00::50']}}},
		async run(stage) {
			await stage.run('secrule add allow any to any');
			const [{mac}, to] = [stage.addressing('h1'), stage.addressing('h2')];
			const address = listed[stage.family];
			await stage.frames(
				packet('a listed address', {mac, address}, to, '+', 1005), packet('a listed address, another MAC', {mac: otherMac, address}, to, '-', 1006),
				packet('an address that is not listed', {mac, address: foreign[stage.family]}, to, '-', 1007),
				...claims(stage, {mac, address}, 'a listed address', '+'), ...claims(stage, {mac, address: foreign[stage.family]}, 'an address that is not listed', '-'),
			);
		},
	},
	{
		name: 'F11',
		title: 'port security off: all passes, spoofed too',
		inapplicable,
		ground: {hosts: {h1: {portSecurity: false}}},
		unbound: ['h4'],
		async run(stage) {
			await stage.run('secrule add allow any to any');
			const [{mac}, to] = [stage.addressing('h1'), stage.addressing('h2')];
			const spoofed = {mac: otherMac, address: foreign[stage.family]};
			await stage.frames(
				packet('another address', {...spoofed, mac}, to, '+', 1008), packet('another MAC and address', spoofed, to, '+', 1009),
				...claims(stage, spoofed, 'another MAC and address', '+'), offer(stage, 'h1', '+'),
			);
		},
	},
	{
		name: 'S4',
		title: 'the same MAC address on two networks: each host has its own rules',
		inapplicable,
		ground: {twin: true},
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 name one');
			await stage.probes('+ h1 > h2', '- h5 > h6', '- h2 > h1');
			await stage.run('secrule add allow g5 to g6', 'secrule del one');
			await stage.probes('- h1 > h2', '+ h5 > h6', '- h6 > h5');
		},
	},
];

/** From h1 to h2; the ports make it different from all others. */
function packet(what: string, from: Addressing, to: Addressing, sign: FrameExpectation['sign'], port: number): FrameExpectation {
	return {from: 'h1', to: 'h2', sign, what, frame: ipFrame(from, to, udp([port, 9], Buffer.from('x')))};
}

/** A question for an address and the answer that tells one, each as its owner would send it. */
function resolution(stage: Stage, from: string, to: string, sign: FrameExpectation['sign']): FrameExpectation[] {
	const [asking, asked] = [stage.addressing(from), stage.addressing(to)];
	return stage.family === 4
		? [{from, to, sign, what: 'ARP request', frame: arpRequest(asking, asked.address)}, {from, to, sign, what: 'ARP reply', frame: arpReply(asking, asked)}]
		: [
			{from, to, sign, what: 'neighbour solicitation', frame: neighborSolicitation(asking, asked.address)},
			{from, to, sign, what: 'neighbour advertisement', frame: neighborAdvertisement(asking, asked)},
		];
}

/** H1 says that somebody's address is at its port. */
function claims(stage: Stage, claimed: Addressing, what: string, sign: FrameExpectation['sign']): FrameExpectation[] {
	const to = stage.addressing('h2');
	return [{from: 'h1', to: 'h2', sign, what: `${stage.family === 4 ? 'ARP reply' : 'neighbour advertisement'} with ${what}`, frame: stage.family === 4 ? arpReply(claimed, to) : neighborAdvertisement(claimed, to)}];
}

function discover(stage: Stage, sign: FrameExpectation['sign']): FrameExpectation {
	return {from: 'h1', to: 'h4', sign, what: 'DHCP discover', frame: dhcpDiscover(stage.addressing('h1').mac, transaction)};
}

/** What a server answers a client: by IPv4 one that has no address yet. */
function offer(stage: Stage, from: string, sign: FrameExpectation['sign']): FrameExpectation {
	const [server, client] = [stage.addressing(from), stage.addressing('h4')];
	return stage.family === 4
		? {from, to: 'h4', sign, what: 'DHCP offer', frame: dhcpOffer(server, client.mac, parseAddress('10.0.0.200'), transaction)}
		: {from, to: 'h4', sign, what: 'DHCPv6 reply', frame: dhcp6Reply(server, client, transaction & 0xFF_FF_FF)};
}
