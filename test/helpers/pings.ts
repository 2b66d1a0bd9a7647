/** What one echo request between two nodes of a lab comes to, in ping's own words. */
import type {Lab} from '../../lib/index.ts';
import {patience} from './patience.ts';

/** Such as `ttl 63`, `Destination Host Prohibited`, or nothing when nobody says anything. @param options of ping */
export async function echo(lab: Lab, from: string, to: string, ...options: readonly string[]): Promise<string> {
	return ask(lab, from, [...options, to], 5);
}

/** Whether nobody answers, within a time in which an answer would have come. */
export async function isSilent(lab: Lab, from: string, to: string, ...options: readonly string[]): Promise<boolean> {
	return !(await ask(lab, from, [...options, to], 1)).startsWith('ttl');
}

async function ask(lab: Lab, from: string, options: readonly string[], seconds: number): Promise<string> {
	const {stdout} = await lab.node(from).execute(['ping', '-n', '-c', '1', '-W', String(Math.ceil(seconds * patience)), ...options]);
	const ttl = / ttl=(\d+)/.exec(stdout)?.[1];
	return ttl === undefined ? /icmp_seq=1 (.*)/.exec(stdout)?.[1] ?? '' : `ttl ${ttl}`;
}
