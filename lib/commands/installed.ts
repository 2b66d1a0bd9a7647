/** `flows [SWITCH]` and `rules [ROUTER]`: what is installed on the enforcement points, each line with the sentence behind it. */
import type {InstalledLine} from '../drivers/driver.ts';
import {stageNamed} from '../drivers/pipeline.ts';
import type {Lab} from '../lab.ts';
import type {DeviceKind} from '../policy/inventory.ts';
import type {Reader} from '../policy/reader.ts';
import type {NodeKind} from '../topology/specs.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import type {Command, Scene} from './command.ts';
import {nodeNames, takeNode} from './reading.ts';
import {watchInstalled} from './watch.ts';

export type DeviceLines = {readonly device: string; readonly lines: readonly InstalledLine[]};

/** By device, in natural order; empty where it was watched. */
export type InstalledResult = readonly DeviceLines[];

export const flowsCommand = installedCommand({name: 'flows', argument: 'SWITCH', nodes: ['switch'], devices: ['switch'], called: 'Open vSwitch', summary: 'the flows on the switches, or on one'});
export const rulesCommand = installedCommand({name: 'rules', argument: 'ROUTER', nodes: ['router', 'bridge'], devices: ['perimeter', 'bridge'], called: 'perimeter firewall and no bridge with a firewall', summary: 'the rules on the perimeter firewalls and bridges, or on one'});

type Listing = {readonly name: string; readonly argument: string; readonly nodes: readonly NodeKind[]; readonly devices: readonly DeviceKind[]; readonly called: string; readonly summary: string};

/** What is listed. */
export type ListingInput = {
	readonly device: string | undefined;
	readonly watches: boolean;
	/** Whether what is of less interest is shown too. */
	readonly all: boolean;
};

const options = ['--watch', '--all'] as const;

function installedCommand({name, argument, nodes, devices: kinds, called, summary}: Listing): Command<ListingInput, InstalledResult> {
	return {
		name,
		usage: `${name} [${argument}] [--watch [--all]]`,
		summary,
		details: [
			'Each line: packets, what the device has, the sentence it comes from.',
			'--watch shows every second, until Ctrl-C, the sentences whose lines have met packets, how many, and how many a second since the last look; --all the others too.',
		].join('\n'),
		read: (reader, scene) => readListing(reader, scene, nodes),
		async run(lab, {device, watches, all}, io) {
			const devices = devicesOf(lab, kinds, called, device);
			const look = async () => lab.installed(devices);
			if (watches) {
				await watchInstalled(look, {all}, io);
				return [];
			}

			return [...await look()].map(([name, lines]) => ({device: name, lines}));
		},
		text(devices) {
			return devices.map(deviceLinesText).join('\n');
		},
	};
}

/** `[DEVICE] [--watch] [--all]`; options may stand before the name and behind it. */
export function readListing(reader: Reader, scene: Scene, nodes: readonly NodeKind[]): ListingInput {
	const given = new Set<string>();
	const takeOptions = () => {
		for (let option = reader.optional(options); option !== undefined; option = reader.optional(options)) {
			given.add(option);
		}
	};

	takeOptions();
	const device = reader.more(() => nodeNames(scene, ...nodes)) ? takeNode(reader, scene, ...nodes) : undefined;
	takeOptions();
	reader.finish();
	return {device, watches: given.has('--watch'), all: given.has('--all')};
}

function devicesOf({inventory}: Lab, kinds: readonly DeviceKind[], called: string, asked: string | undefined): string[] {
	const devices = [...inventory.devices.values()].filter(({kind}) => kinds.includes(kind)).map(({name}) => name);
	if (asked !== undefined && !devices.includes(asked)) {
		throw new InputError('unknown-device', `${asked} enforces no rules: it is no ${called}. Those that do: ${devices.join(', ') || 'none'}.`, {expected: devices});
	}

	return asked === undefined ? devices : [asked];
}

export function deviceLinesText({device, lines}: DeviceLines): string {
	return [`${device}:`, columns(lines.map(({text, sentence, packets}) => [`  ${packets}`, sentence === undefined ? stageNamed(text) : `${stageNamed(text)}  # ${sentence}`]))].filter(Boolean).join('\n');
}
