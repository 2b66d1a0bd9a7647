/** F17, F18, M1: a change touches what it changes, the order on the device is the order that was given, and one driver gives way to another. */
import type {InstalledLine} from '../../drivers/driver.ts';
import type {Case} from '../case.ts';
import type {Stage} from '../stage.ts';
import {takes} from './knows.ts';
import {noPair, statelessPair, twoPings} from './pings.ts';

const exchanges = 2;
/** Requests between two exchanges, so that each driver meets some. */
const requestsBetween = 4;

export const changeCases: readonly Case[] = [
	{
		name: 'F17',
		title: 'a second apply changes nothing, and one swapped rule touches no other line',
		async run(stage) {
			// The last two keep the groups in use, so that a device need not change what it knows of addresses.
			await stage.run('secrule add allow g1 to g2 name first', 'secrule add allow g3 to g2 name last', 'secrule add allow g1 to g3', 'secrule add allow g4 to g3');
			await stage.check('devices that a second apply changes', '', (await stage.swap(structuredClone(stage.lab.policy))).devices.join(', '));
			await stage.probes('+ h1 > h2', '+ h3 > h2', '- h4 > h2');
			const before = await stage.installed();
			await stage.run('secrule add allow g4 to g2 before first name second', 'secrule del first');
			const after = await stage.installed();
			await stage.check('lines of others that went', '', others(gone(before, after), 'first'));
			await stage.check('lines of others that came', '', others(gone(after, before), 'second'));
			await stage.check('packets that the rule which stayed had counted', packets(before, 'last'), packets(after, 'last'));
			await stage.probes('- h1 > h2', '+ h3 > h2', '+ h4 > h2');
		},
	},
	{
		name: 'F18',
		title: 'the order on the device is the order given, after insert, remove and reverse',
		async run(stage) {
			await stage.run('h1 bind web', 'h3 bind web', 'secrule add allow web to g2 name every', 'secrule add deny h1 to g2 name one', 'secrule add deny web to g2 tcp name some');
			await stage.probes('+ h1 > h2', '+ h3 > h2', '+ h1 > h2 tcp 80');
			await stage.run('secrule move one before every');
			await stage.probes('- h1 > h2', '+ h3 > h2', '- h1 > h2 tcp 80', '+ h3 > h2 tcp 80');
			await stage.run('secrule move some before one');
			await stage.probes('- h1 > h2', '+ h3 > h2', '- h3 > h2 tcp 80');
			await stage.run('secrule add allow h1 to h2 tcp dport 80 before some name hole');
			await stage.probes('- h1 > h2', '+ h1 > h2 tcp 80', '- h1 > h2 tcp 81', '- h3 > h2 tcp 80');
			await stage.run('secrule del some');
			await stage.probes('- h1 > h2', '+ h1 > h2 tcp 80', '- h1 > h2 tcp 81', '+ h3 > h2 tcp 80');
			await stage.run('secrule move every before hole', 'secrule move one after hole');
			await stage.probes('+ h1 > h2', '+ h1 > h2 tcp 81', '+ h3 > h2');
		},
	},
	{
		name: 'M1',
		title: 'another driver gives way to it and comes back under pings: nothing is lost, and nothing of it stays',
		exchanges: true,
		async run(stage) {
			await stage.run('secrule add allow g1 to g2', ...statelessPair);
			const stream = await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 5000});
			// A driver that refuses stateless rules refuses the first exchange, and nothing has changed.
			let isTaken = false as boolean;
			await leavingNothing(stage, async () => {
				isTaken = await takes(async () => stage.exchange('tested'));
				await stage.exchange('other');
			});
			if (!isTaken) {
				await stage.run(...noPair);
			}

			await leavingNothing(stage, async () => exchanging(stage, isTaken ? statelessPair : []));

			await stage.staysOpen('a TCP connection', stream);
			await stage.probes('+ h1 > h2', '- h3 > h2');
		},
	},
];

/** @param pair the lines that allow the second ping */
async function exchanging(stage: Stage, pair: readonly string[]): Promise<void> {
	await twoPings(stage, pair, async ping => {
		for (let time = 0; time < exchanges; time++) {
			await stage.exchange('tested');
			await ping.more(requestsBetween);
			await stage.probes('+ h1 > h2 tcp 80', '- h3 > h2', '- h2 > h1');
			await stage.exchange('other');
			await ping.more(requestsBetween);
		}
	});
}

async function leavingNothing(stage: Stage, work: () => Promise<void>): Promise<void> {
	const differences = await stage.differences(work);
	await stage.check('lines on the device that another driver sees come or go', '', differences);
}

/** Lines that one list has and the other has not. */
function gone(from: readonly InstalledLine[], than: readonly InstalledLine[]): InstalledLine[] {
	const left = new Set(than.map(({text}) => text));
	return from.filter(({text}) => !left.has(text));
}

function others(lines: readonly InstalledLine[], rule: string): string {
	return lines.filter(({sentence = ''}) => !sentence.includes(`name ${rule}`)).map(({text}) => text).join('\n');
}

function packets(lines: readonly InstalledLine[], rule: string): string {
	return String(lines.filter(({sentence = '', rule: id}) => id !== undefined && sentence.includes(`name ${rule}`)).reduce((sum, line) => sum + line.packets, 0));
}
