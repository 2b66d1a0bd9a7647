/** `firewall`: which firewall driver each device has, and another one for the running lab. */
import type {Change, Lab} from '../lab.ts';
import {type FirewallName, firewallKind, firewallNamed, firewallNames} from '../topology/firewalls.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import {changeText} from './change.ts';
import type {Command} from './command.ts';
import {at, deviceNames} from './reading.ts';

type Input = {readonly name: FirewallName; /** Of its name. */ readonly column: number; /** None: all that it is for. */ readonly devices: readonly Word[]} | undefined;

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
	read(reader, scene) {
		if (!reader.more(() => firewallNames)) {
			return undefined;
		}

		const word = reader.take(['driver'], () => firewallNames);
		const name = at(word, () => firewallNamed(word.text));
		const devices: Word[] = [];
		const left = () => deviceNames(scene, firewallKind(name)).filter(device => devices.every(({text}) => text !== device));
		while (reader.more(left)) {
			devices.push(reader.take(['device'], left));
		}

		return {name, column: word.column, devices};
	},
	async run(lab, input) {
		const changed = input ? await exchange(lab, input) : {devices: [], cut: 0};
		return {firewalls: [...lab.firewalls].map(([device, firewall]) => ({device, firewall})), devices: changed.devices, cut: changed.cut};
	},
	text(result) {
		return [columns(result.firewalls.map(({device, firewall}) => [device, firewall])), changeText(result)].filter(Boolean).join('\n');
	},
};

/** @throws as Lab.setFirewall, with the column of the word that is wrong */
async function exchange(lab: Lab, {name, column, devices}: NonNullable<Input>): Promise<Change> {
	const known = lab.inventory.devices;
	const unknown = devices.find(({text}) => !known.has(text));
	if (unknown) {
		throw unknownName('device', unknown.text, known.keys(), unknown.column);
	}

	try {
		return await lab.setFirewall(name, devices.length > 0 ? devices.map(({text}) => text) : undefined);
	} catch (error) {
		throw error instanceof InputError ? error.locate({column}) : error;
	}
}
