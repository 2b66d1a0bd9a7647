/** What the commands that change the policy have in common: the edit goes to all devices or to none. */
import type {Lab} from '../lab.ts';
import type {Policy} from '../policy/model.ts';
import type {Command} from './command.ts';

export type ChangeResult = {
	/** Devices whose rules or flows changed, in natural order. */
	readonly devices: readonly string[];
	/** Connections that were cut because they are no longer allowed. */
	readonly cut: number;
};

/** A command that changes the policy and has nothing more to say. */
export function changing<Input>(command: Omit<Command<Input, ChangeResult>, 'run' | 'text'> & Required<Pick<Command<Input, ChangeResult>, 'edit'>>): Command<Input, ChangeResult> {
	return {
		...command,
		async run(lab, input) {
			return change(lab, command.edit(input, lab.network.nodes));
		},
		text: changeText,
	};
}

/** @throws whatever the edit throws; DeviceError when a device refuses, the policy then is as before */
export async function change(lab: Lab, edit: (policy: Policy) => Policy): Promise<ChangeResult> {
	const {devices, cut} = await lab.change(edit);
	return {devices, cut};
}

/** Only what the user could not know: that connections ended. */
export function changeText({cut}: ChangeResult): string {
	return cut === 0 ? '' : `${cut} ${cut === 1 ? 'connection' : 'connections'} cut`;
}
