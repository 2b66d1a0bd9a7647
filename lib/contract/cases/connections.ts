/** F14 to F16, F20, F21: what becomes of connections that are open, and of packets that are on their way. */
import type {PingStream} from '../../probes/ping-stream.ts';
import type {Case} from '../case.ts';
import type {Stage} from '../stage.ts';
import {knowsDeny} from './knows.ts';
import {knownPair, twoPings} from './pings.ts';
import type {Policy} from '../../policy/model.ts';

const swaps = {few: 3, many: 60} as const;
/** Requests between two swaps, so that each policy meets some. */
const requestsBetween = 4;

export const connectionCases: readonly Case[] = [
	{
		name: 'F14',
		title: 'an open connection is cut when its rule goes, and no other',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 name goes', 'secrule add allow g3 to g2 name stays');
			const cut = [
				{what: 'TCP', stream: await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 5000})},
				{what: 'UDP', stream: await stage.stream({from: 'h1', to: 'h2', transport: 'udp', port: 5000})},
				{what: 'UDP, backwards only', stream: await stage.stream({from: 'h1', to: 'h2', transport: 'udp', port: 5001, backwards: true})},
			];
			const kept = await stage.stream({from: 'h3', to: 'h2', transport: 'tcp', port: 5001});
			await stage.run('secrule del goes');
			for (const {what, stream} of cut) {
				await stage.isCut(what, stream);
			}

			await stage.staysOpen('TCP of another rule', kept);
		},
	},
	{
		name: 'F15',
		title: 'a ping that no policy allows passes nothing through swaps of the policy',
		async run(stage) {
			const denying = await knowsDeny(stage) ? ['secrule add deny g1 to any'] : [];
			const policies = await twoPolicies(stage, ['secrule add allow g3 to g2'], [...denying, 'secrule add allow g4 to g2', 'secrule add allow g3 to g2 tcp']);
			await stage.pingDuring({from: 'h1', to: 'h2', sign: '-'}, async ping => swapping(stage, policies, swaps.few, ping));
		},
	},
	{
		name: 'F16',
		title: 'packets that are tracked already get the same verdicts as new ones',
		unbound: ['h1', 'h2'],
		async run(stage) {
			const before = stage.kind !== 'perimeter' ? [] : ['secrule add allow any to any name earlier'];
			await stage.run(...before);
			const [allowed, denied] = [
				await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 80}),
				await stage.stream({from: 'h1', to: 'h2', transport: 'udp', port: 53}),
			];
			const denying = await knowsDeny(stage) ? ['secrule add deny g1 to h2 udp'] : [];
			await stage.run('h1 bind g1', ...denying, 'secrule add allow g1 to h2 tcp', 'h2 bind g2', ...before.map(() => 'secrule del earlier'));
			await stage.staysOpen('a connection from before its rule', allowed);
			await stage.isCut('a connection that is denied now', denied);
			for (let time = 0; time < 2; time++) {
				await stage.probes('+ h1 > h2 tcp 81 sport 4242', '- h1 > h2 udp 54 sport 4242');
			}
		},
	},
	{
		name: 'F20',
		title: 'allowed pings lose nothing through 60 swaps of the policy, as a connection and, where rules may be stateless, judged one by one',
		async run(stage) {
			const denying = await knowsDeny(stage) ? ['secrule add deny any to g2', 'secrule add deny web to g2'] : [];
			const pair = await knownPair(stage);
			const policies = await twoPolicies(
				stage,
				['secrule add allow g1 to g2', ...pair, ...denying.slice(0, 1)],
				['h4 bind web', 'ipg add ours 10.0.0.0/8 fd00::/8', ...denying.slice(1), ...pair, 'secrule add allow ours to ours'],
			);
			await twoPings(stage, pair, async ping => swapping(stage, policies, swaps.many, ping));
		},
	},
	{
		name: 'F21',
		title: 'a rule with log tells the first packet of a connection, and no other',
		needs: 'watchLog',
		async run(stage) {
			await stage.run('secrule add allow g1 to g2 log');
			const told = await stage.reports('udp 53', async () => {
				for (const options of [{transport: 'tcp', port: 5000}, {transport: 'udp', port: 5001}] as const) {
					await stage.staysOpen(`${options.transport} that is told of`, await stage.stream({from: 'h1', to: 'h2', ...options}));
				}

				await stage.probes('- h3 > h2 tcp 80', '+ h1 > h2 udp 53 sport 4242');
			});
			await stage.check('packets that are told of', 'tcp 5000, udp 5001, udp 53', told);
		},
	},
];

/** What lines make of the policy at the start, and what other lines make of it. The first is in force afterwards. */
async function twoPolicies(stage: Stage, lines: readonly string[], otherLines: readonly string[]): Promise<readonly [Policy, Policy]> {
	const start = stage.lab.policy;
	await stage.run(...otherLines);
	const other = stage.lab.policy;
	await stage.swap({...start, nextId: other.nextId});
	await stage.run(...lines);
	return [stage.lab.policy, other];
}

async function swapping(stage: Stage, [one, other]: readonly [Policy, Policy], times: number, ping: PingStream): Promise<void> {
	for (let swap = 0; swap < times; swap++) {
		await stage.swap(swap % 2 === 0 ? other : one);
		await ping.more(requestsBetween);
	}
}
