/** F12, F22, S1, S2, S5: rules follow the members of their groups. */
import type {Case} from '../case.ts';
import type {Stage} from '../stage.ts';

export const groupCases: readonly Case[] = [
	{
		name: 'F12',
		title: 'a remote group: its members pass, another protocol and the other direction do not',
		async run(stage) {
			await stage.run('h1 bind web', 'h3 bind web', 'secrule add allow web to g2 tcp');
			await stage.probes('+ h1 > h2 tcp 80', '+ h3 > h2 tcp 80', '- h4 > h2 tcp 80', '- h1 > h2 udp 80', '- h1 > h2', '- h2 > h1 tcp 80', '- h1 > h3 tcp 80');
		},
	},
	{
		name: 'F22',
		title: 'a removed member loses its access, and nothing of others changes',
		async run(stage) {
			await stage.run('h1 bind web', 'h3 bind web', 'secrule add allow web to g2');
			const stream = await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 5000});
			await stage.probes('+ h1 > h2', '+ h3 > h2');
			const before = await linesOf(stage, ['h1', 'h2', 'h4']);
			await stage.run('h3 unbind web');
			await stage.check('what the device has for the others', before, await linesOf(stage, ['h1', 'h2', 'h4']));
			await stage.staysOpen('the connection of another member', stream);
			await stage.probes('+ h1 > h2', '- h3 > h2', '- h3 > h2 tcp 80');
		},
	},
	{
		name: 'S1',
		title: 'a new member of a remote group passes within a second',
		alone: true,
		async run(stage) {
			await stage.run('h3 bind web', 'secrule add allow web to g2');
			await stage.probes('- h1 > h2');
			await stage.soon('until a new member passes', async () => {
				await stage.run('h1 bind web');
				await stage.probes('+ h1 > h2');
			});
		},
	},
	{
		name: 'S2',
		title: 'overlapping remote groups: what one rule loses, the other still gives',
		async run(stage) {
			await stage.run('h1 bind web', 'h3 bind web', 'h1 bind db', 'secrule add allow web to g2 tcp dport 80 name ofweb', 'secrule add allow db to g2 tcp dport 80 name ofdb');
			await stage.probes('+ h1 > h2 tcp 80', '+ h3 > h2 tcp 80');
			await stage.run('secrule del ofweb');
			await stage.probes('+ h1 > h2 tcp 80', '- h3 > h2 tcp 80');
			await stage.run('secrule add allow web to g2 tcp dport 80', 'secrule del ofdb');
			await stage.probes('+ h1 > h2 tcp 80', '+ h3 > h2 tcp 80');
		},
	},
	{
		name: 'S5',
		title: 'several groups on a host: leaving one takes only its rules away',
		async run(stage) {
			await stage.run('h1 bind web', 'h1 bind db', 'h4 bind db', 'secrule add allow web to g2 tcp dport 80', 'secrule add allow db to g2 tcp dport 81', 'secrule add allow g3 to web udp', 'secrule add allow g3 to db tcp');
			await stage.probes('+ h1 > h2 tcp 80', '+ h1 > h2 tcp 81', '+ h3 > h1 udp 53', '+ h3 > h1 tcp 53');
			await stage.run('h1 unbind db');
			await stage.probes('+ h1 > h2 tcp 80', '- h1 > h2 tcp 81', '+ h4 > h2 tcp 81', '+ h3 > h1 udp 53', '- h3 > h1 tcp 53');
		},
	},
];

/** The lines that name an address of one of the hosts and of no other. */
async function linesOf(stage: Stage, hosts: readonly string[]): Promise<string> {
	const others = ['h1', 'h2', 'h3', 'h4'].filter(host => !hosts.includes(host));
	const names = (text: string, host: string) => new RegExp(`(?<![\\w.:])${stage.addressing(host).text.replaceAll('.', '\\.')}(?![\\w.:])`).test(text);
	const lines = (await stage.installed()).map(({text}) => text);
	return lines.filter(text => hosts.some(host => names(text, host)) && !others.some(host => names(text, host))).sort().join('\n');
}
