/** F3 to F7, F13, S3, S6: what a rule says of packets, and nothing beside it. */
import {ipFrame} from '../../probes/frame.ts';
import {ipPacket, udp, unreachable} from '../../probes/packet.ts';
import type {Case} from '../case.ts';

const kinds = [{words: 'icmp', probe: ''}, {words: 'tcp', probe: ' tcp 80'}, {words: 'udp', probe: ' udp 53'}] as const;

export const trafficCases: readonly Case[] = [
	{
		name: 'F3',
		title: 'ICMP: blocked before its rule, passes after',
		async run(stage) {
			await stage.probes('- h1 > h2');
			await stage.run('secrule add allow g1 to g2 icmp');
			await stage.probes('+ h1 > h2', '- h1 > h2 tcp 80', '- h2 > h1');
		},
	},
	{
		name: 'F4',
		title: 'one protocol in one direction is allowed: exactly it',
		async run(stage) {
			for (const {words: allowed} of kinds) {
				await stage.run(`secrule add allow g1 to g2 ${allowed} name it`);
				await stage.probes(
					...kinds.map(({words, probe}) => `${words === allowed ? '+' : '-'} h1 > h2${probe}`),
					...kinds.map(({probe}) => `- h2 > h1${probe}`), ...kinds.map(({probe}) => `- h3 > h2${probe}`),
				);
				await stage.run('secrule del it');
			}
		},
	},
	{
		name: 'F5',
		title: 'source port 42: it passes, 43 does not',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 tcp sport 42', 'secrule add allow g3 to g2 udp sport 42');
			await stage.probes(
				'+ h1 > h2 tcp 80 sport 42', '- h1 > h2 tcp 80 sport 43', '- h1 > h2 tcp 42 sport 80', '- h1 > h2 udp 53 sport 42',
				'+ h3 > h2 udp 53 sport 42', '- h3 > h2 udp 53 sport 43',
			);
		},
	},
	{
		name: 'F6',
		title: 'a range of destination ports: both edges pass, both neighbours do not',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 tcp dport 80-90', 'secrule add allow g1 to g2 udp dport 1000-2001');
			await stage.probes(
				'+ h1 > h2 tcp 80', '+ h1 > h2 tcp 85', '+ h1 > h2 tcp 90', '- h1 > h2 tcp 79', '- h1 > h2 tcp 91', '- h1 > h2 tcp 1000',
				'+ h1 > h2 udp 1000', '+ h1 > h2 udp 2001', '- h1 > h2 udp 999', '- h1 > h2 udp 2002', '- h1 > h2 udp 80',
			);
		},
	},
	{
		name: 'F7',
		title: 'a range of source ports: both edges pass, both neighbours do not',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 tcp sport 1000-1010', 'secrule add allow g1 to g2 udp sport {7,1000-1010} dport 53');
			await stage.probes(
				'+ h1 > h2 tcp 80 sport 1000', '+ h1 > h2 tcp 80 sport 1010', '- h1 > h2 tcp 80 sport 999', '- h1 > h2 tcp 80 sport 1011',
				'+ h1 > h2 udp 53 sport 7', '+ h1 > h2 udp 53 sport 1010', '- h1 > h2 udp 53 sport 1011', '- h1 > h2 udp 54 sport 1010',
			);
		},
	},
	{
		name: 'F13',
		title: 'the ICMP error of an allowed flow comes back, another does not',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 udp dport 9');
			await stage.errorReturns({from: 'h1', to: 'h2', port: 9});
			await stage.probes('- h2 > h1');
			if (stage.kind !== 'perimeter') {
				const [from, to] = [stage.addressing('h2'), stage.addressing('h1')];
				const never = ipPacket(to.address, from.address, udp([1010, 9]));
				await stage.frames({from: 'h2', to: 'h1', sign: '-', what: 'an error about a packet that never was', frame: ipFrame(from, to, unreachable(stage.family, 'port', never))});
			}
		},
	},
	{
		name: 'S3',
		title: 'a protocol by its number',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 proto 99', 'secrule add allow g3 to g2 proto 17', 'secrule add allow g4 to g2 proto 132');
			await stage.probes(
				'+ h1 > h2 protocol 99', '- h1 > h2 protocol 100', '- h1 > h2', '- h1 > h2 sctp 9', '- h3 > h2 protocol 99', '+ h3 > h2 udp 53', '- h3 > h2 tcp 53', '- h3 > h2 sctp 53',
				'+ h4 > h2 sctp 9', '- h4 > h2 udp 9', '- h4 > h2 protocol 99',
			);
		},
	},
	{
		name: 'S6',
		title: 'stateless: the answer needs a rule of its own',
		async run(stage) {
			const services = [['udp', 53], ['tcp', 80], ['sctp', 9]] as const;
			await stage.run(...services.map(([protocol, port]) => `secrule add allow g1 to g2 ${protocol} dport ${port} stateless`));
			await stage.probes('~ h1 > h2 udp 53', '~ h1 > h2 tcp 80', '~ h1 > h2 sctp 9', '- h1 > h2 udp 54', '- h1 > h2 sctp 10', '- h1 > h2 udp 9');
			await stage.run(...services.map(([protocol, port]) => `secrule add allow g2 to g1 ${protocol} sport ${port} stateless`));
			await stage.probes('+ h1 > h2 udp 53', '+ h1 > h2 tcp 80', '+ h1 > h2 sctp 9', '- h2 > h1 udp 53');
		},
	},
];
