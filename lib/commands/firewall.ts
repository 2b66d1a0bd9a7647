/** `firewall`: which firewall driver each device has, and another one for the running lab. */
import {type FirewallName, firewallNamed, firewallNames} from '../topology/firewalls.ts';
import {columns} from '../util/columns.ts';
import {changeText} from './change.ts';
import type {Command} from './command.ts';
import {at} from './reading.ts';

type Input = {readonly name: FirewallName; readonly devices: readonly string[] | undefined} | undefined;

export type FirewallResult = {
	/** Each device with the name of its driver. */
	readonly firewalls: ReadonlyArray<{readonly device: string; readonly firewall: FirewallName}>;
	/** Devices that got another one; none when the command only asked. */
	readonly devices: readonly string[];
	/** Connections that ended. */
	readonly cut: number;
};

export const firewallCommand: Command<Input, FirewallResult> = {
	name: 'firewall',
	usage: 'firewall [DRIVER [DEVICE …]]',
	summary: 'the firewall driver of each device, or another one for all that it is for',
	details: `The change loses no packet of a connection that is allowed. Drivers: ${firewallNames.join(', ')}.`,
	read(reader) {
		if (!reader.more(() => firewallNames)) {
			return undefined;
		}

		const word = reader.take(['driver'], () => firewallNames);
		const name = at(word, () => firewallNamed(word.text));
		const devices: string[] = [];
		while (reader.more(() => [])) {
			devices.push(reader.take(['device'], () => []).text);
		}

		return {name, devices: devices.length === 0 ? undefined : devices};
	},
	async run(lab, input) {
		const changed = input ? await lab.setFirewall(input.name, input.devices) : {devices: [], cut: 0};
		return {firewalls: [...lab.firewalls].map(([device, firewall]) => ({device, firewall})), devices: changed.devices, cut: changed.cut};
	},
	text(result) {
		return [columns(result.firewalls.map(({device, firewall}) => [device, firewall])), changeText(result)].filter(Boolean).join('\n');
	},
};
