/** `exit`: takes the lab down and leaves. */
import type {Command} from './command.ts';

export type ExitResult = null;

export const exitCommand: Command<undefined, ExitResult> = {
	name: 'exit',
	aliases: ['quit', 'EOF'],
	usage: 'exit',
	summary: 'take the lab down and leave; so does Ctrl-D',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run() {
		return Promise.resolve(null);
	},
	text() {
		return '';
	},
	leaves() {
		return true;
	},
};
