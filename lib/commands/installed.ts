/** `flows [SWITCH]` and `rules [ROUTER]`: what is installed on the enforcement points, each line with the sentence behind it. */
import type {Lab} from '../lab.ts';
import {sentence} from '../policy/grammar.ts';
import type {DeviceKind} from '../policy/inventory.ts';
import type {Reader} from '../policy/reader.ts';
import type {NodeKind} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import type {Command, Scene} from './command.ts';
import {type DeviceLines, type DeviceListing, listingText, ratesOf, ratesText, withoutSilent} from './installed-lines.ts';
import {deviceNames, takeNode} from './reading.ts';
import {twice, watch} from './watch.ts';

/** By device, in natural order; empty where it was watched until the user had seen enough. */
export type InstalledResult = readonly DeviceListing[];

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
		usage: `${name} [${argument}] [--watch] [--all]`,
		summary,
		details: [
			'Each line: hits, what the device has, the sentence it comes from. What no rule is behind is left out as long as it has met no packet; --all shows it too.',
			'--watch shows the lines every second, until Ctrl-C, each with its hits, how many a second since the last look, its sentence. With --json it looks twice.',
		].join('\n'),
		read: (reader, scene) => readListing(reader, scene, nodes),
		async run(lab, {device, watches, all}, io) {
			const devices = devicesOf(lab, kinds, called, device);
			const look = ratesOf(async () => lab.installed(devices));
			const list = async () => listingsOf(lab, await look(), all);
			if (watches && io.show) {
				await watch(async () => ratesText(await list()), io);
				return [];
			}

			return watches ? twice(list, io.signal) : list();
		},
		text(devices) {
			const isRated = devices.some(({lines}) => lines.some(({rate}) => rate !== undefined));
			return isRated ? ratesText(devices) : devices.map(each => listingText(each, name)).join('\n');
		},
	};
}

function listingsOf({policy}: Lab, devices: readonly DeviceLines[], all: boolean): DeviceListing[] {
	const sentences = new Set(policy.rules.map(rule => sentence(rule)));
	return devices.map(each => all ? {...each, silent: 0} : withoutSilent(each, sentences));
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
	const device = reader.more(() => deviceNames(scene, ...nodes)) ? takeNode(reader, scene, ...nodes) : undefined;
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
