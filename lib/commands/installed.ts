/** `flows [SWITCH]` and `rules [ROUTER]`: what is installed on the enforcement points, each line with the sentence behind it. */
import type {InstalledLine} from '../drivers/driver.ts';
import type {Lab} from '../lab.ts';
import type {DeviceEntry} from '../policy/inventory.ts';
import type {NodeKind} from '../topology/specs.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {nodeNames, takeNode} from './reading.ts';

export type DeviceLines = {readonly device: string; readonly lines: readonly InstalledLine[]};

/** By device, in natural order. */
export type InstalledResult = readonly DeviceLines[];

export const flowsCommand = installedCommand({name: 'flows', argument: 'SWITCH', node: 'switch', device: 'switch', summary: 'the flows on the switches, or on one'});
export const rulesCommand = installedCommand({name: 'rules', argument: 'ROUTER', node: 'router', device: 'perimeter', summary: 'the rules on the perimeter firewalls, or on one'});

type Listing = {readonly name: string; readonly argument: string; readonly node: NodeKind; readonly device: DeviceEntry['kind']; readonly summary: string};

function installedCommand({name, argument, node, device: kind, summary}: Listing): Command<string | undefined, InstalledResult> {
	return {
		name,
		usage: `${name} [${argument}]`,
		summary,
		details: 'Each line: packets, what the device has, the sentence it comes from.',
		read(reader, scene) {
			const device = reader.more(() => nodeNames(scene, node)) ? takeNode(reader, scene, node) : undefined;
			reader.finish();
			return device;
		},
		async run(lab, device) {
			const devices = devicesOf(lab, kind, device);
			return [...await lab.installed(devices)].map(([name, lines]) => ({device: name, lines}));
		},
		text(devices) {
			return devices.map(deviceLinesText).join('\n');
		},
	};
}

function devicesOf({inventory}: Lab, kind: DeviceEntry['kind'], asked: string | undefined): string[] {
	const devices = [...inventory.devices.values()].filter(device => device.kind === kind).map(({name}) => name);
	if (asked !== undefined && !devices.includes(asked)) {
		throw new InputError('unknown-device', `${asked} enforces no rules: it is no ${kind === 'perimeter' ? 'perimeter firewall' : 'Open vSwitch'}. Those that do: ${devices.join(', ') || 'none'}.`, {expected: devices});
	}

	return asked === undefined ? devices : [asked];
}

export function deviceLinesText({device, lines}: DeviceLines): string {
	return [`${device}:`, columns(lines.map(({text, sentence, packets}) => [`  ${packets}`, sentence === undefined ? text : `${text}  # ${sentence}`]))].filter(Boolean).join('\n');
}
