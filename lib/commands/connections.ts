/** `connections [DEVICE]`: what switches, bridges and firewalls know of open connections, each with its state and the rule that keeps it open. */
import {isMadeByPolicy} from '../drivers/driver.ts';
import {keeps, openingOf} from '../drivers/revocation.ts';
import {trackedOn} from '../drivers/tracked.ts';
import {type TrackedConnection, describe} from '../kernel/conntrack.ts';
import type {Lab} from '../lab.ts';
import {ovsDirectory} from '../network/paths.ts';
import {type Verdict, evaluator} from '../policy/evaluate.ts';
import {sentence} from '../policy/grammar.ts';
import type {Policy} from '../policy/model.ts';
import {columns} from '../util/columns.ts';
import {compareNames, unknownName} from '../util/names.ts';
import type {Command} from './command.ts';
import {type ListingInput, readListing} from './installed.ts';
import {watch} from './watch.ts';

/** In the direction of the packet that made it. */
export type ListedConnection = TrackedConnection & {
	/** Id of the rule that allows it; absent when a default does, and when the policy did not make it. */
	readonly rule?: number;
	/** The rule's sentence, or what else there is to say. */
	readonly sentence: string;
};

/** By device, in natural order; empty where it was watched. */
export type ConnectionsResult = ReadonlyArray<{readonly device: string; readonly connections: readonly ListedConnection[]}>;

export const connectionsCommand: Command<ListingInput, ConnectionsResult> = {
	name: 'connections',
	usage: 'connections [DEVICE] [--watch] [--all]',
	summary: 'the connections that pass the switches and firewalls, or one, without being judged',
	details: [
		'Each line: the connection as its first packet ran, its state where its protocol has states, the rule that allows it.',
		'--all also lists what is tracked and was made by no stateful rule and no default: its packets are judged one by one. --watch shows the list every second, until Ctrl-C.',
	].join('\n'),
	read: (reader, scene) => readListing(reader, scene, ['switch', 'bridge', 'router']),
	async run(lab, {device, watches, all}, io) {
		const devices = devicesOf(lab, device);
		if (watches) {
			await watch(async () => connectionsText(await list(lab, devices, all)), io);
			return [];
		}

		return list(lab, devices, all);
	},
	text: connectionsText,
};

function devicesOf({inventory: {devices}}: Lab, asked: string | undefined): string[] {
	if (asked !== undefined && !devices.has(asked)) {
		throw unknownName('device', asked, devices.keys());
	}

	return asked === undefined ? [...devices.keys()] : [asked];
}

async function list({name, network, policy, inventory}: Lab, devices: readonly string[], all: boolean): Promise<ConnectionsResult> {
	const evaluate = evaluator(policy, inventory);
	const entries = devices.flatMap(device => inventory.devices.get(device) ?? []);
	const tracked = await trackedOn(entries, {namespaceOf: device => network.node(device).namespace, runDirectory: ovsDirectory(name)});
	return [...tracked].map(([{name: device}, connections]) => {
		const listed = connections
			.filter(each => all || isMadeByPolicy(each))
			.map(each => ({...each, ...isMadeByPolicy(each) ? reasonOf(evaluate(openingOf(each)), policy) : {sentence: 'no connection of the policy'}}))
			.sort((a, b) => compareNames(describe(a), describe(b)));
		return {device, connections: listed};
	});
}

/** A policy that cuts what it no longer allows keeps open only what it would allow now. */
function reasonOf(verdict: Verdict, {stateful}: Policy): Pick<ListedConnection, 'rule' | 'sentence'> {
	const {by} = verdict;
	if (!keeps(verdict)) {
		return {sentence: 'no longer allowed; it runs on'};
	}

	return by.kind === 'rule' ? {rule: by.rule.id, sentence: sentence(by.rule, stateful)} : {sentence: by.kind === 'router' ? 'traffic to a router itself' : 'default'};
}

function connectionsText(devices: ConnectionsResult): string {
	return devices.map(({device, connections}) => connections.length === 0
		? `${device}: none`
		: `${device}:\n${columns(connections.map(each => [`  ${describe(each)}`, each.state ?? '', `# ${each.sentence}`]))}`).join('\n');
}
