/** What the commands that change the policy have in common: the edit goes to all devices or to none. */
import type {Lab} from '../lab.ts';
import type {Policy} from '../policy/model.ts';
import type {Command} from './command.ts';

export type ChangeResult = Warned & {
	/** Devices whose rules or flows changed, in natural order. */
	readonly devices: readonly string[];
	/** Connections that were cut because they are no longer allowed. */
	readonly cut: number;
};

export type Warned = {
	/** Why no packet will meet what was changed, and what helps; absent when there is nothing to warn of. */
	readonly warnings?: readonly string[];
};

type Changing<Input> = Omit<Command<Input, ChangeResult>, 'run' | 'text'> & Required<Pick<Command<Input, ChangeResult>, 'edit'>> & {
	/** Asked when the line is run, before anything happens; a file's lines are loaded without. */
	readonly refuse?: (input: Input) => void;
	/** Asked when the change is in force. */
	readonly warnings?: (lab: Lab, input: Input) => readonly string[];
};

/** A command that changes the policy and has nothing more to say. */
export function changing<Input>({refuse, warnings = () => [], ...command}: Changing<Input>): Command<Input, ChangeResult> {
	return {
		...command,
		async run(lab, input) {
			refuse?.(input);
			return warned(await change(lab, command.edit(input, lab.network.nodes)), warnings(lab, input));
		},
		text: changeText,
	};
}

/** @throws whatever the edit throws; DeviceError when a device refuses, the policy then is as before */
export async function change(lab: Lab, edit: (policy: Policy) => Policy): Promise<ChangeResult> {
	const {devices, cut} = await lab.change(edit);
	return {devices, cut};
}

export function warned<Result extends object>(result: Result, warnings: readonly string[]): Result & Warned {
	return warnings.length > 0 ? {...result, warnings} : result;
}

/** Only what the user could not know: that connections ended, and that the change is in vain. */
export function changeText({cut, warnings}: Pick<ChangeResult, 'cut' | 'warnings'>): string {
	return [...cut === 0 ? [] : [`${cut} ${cut === 1 ? 'connection' : 'connections'} cut`], ...warningLines({warnings})].join('\n');
}

export function warningLines({warnings = []}: {readonly warnings?: readonly string[] | undefined}): readonly string[] {
	return warnings.map(warning => `warning: ${warning}`);
}
