/** `mode`, `secrule revoke`: settings of the whole policy; without a word they are shown. */
import type {Policy, Revocation} from '../policy/model.ts';
import type {Reader} from '../policy/reader.ts';
import {setMode, setRevocation} from '../policy/repository.ts';
import {type ChangeResult, change, changeText} from './change.ts';
import type {Command} from './command.ts';

type Mode = 'stateful' | 'stateless';

export type ModeResult = {readonly mode: Mode};

export type RevokeResult = ChangeResult & {readonly revocation: Revocation};

export const modeCommand: Command<Mode | undefined, ModeResult> = {
	name: 'mode',
	usage: 'mode [stateful|stateless]',
	summary: 'what later rules are that say neither',
	details: 'A stateful rule judges the first packet of a connection and lets the rest and its replies pass; a stateless one judges every packet alone. Rules that are there stay what they are.',
	read(reader) {
		return readSetting(reader, ['stateful', 'stateless']);
	},
	edit(mode) {
		return policy => mode === undefined ? policy : setMode(policy, mode === 'stateful');
	},
	async run(lab, mode) {
		if (mode !== undefined) {
			await change(lab, policy => setMode(policy, mode === 'stateful'));
		}

		return {mode: modeOf(lab.policy)};
	},
	text({mode}) {
		return mode;
	},
};

export const revokeCommand: Command<Revocation | undefined, RevokeResult> = {
	name: 'secrule revoke',
	usage: 'secrule revoke [cut|keep]',
	summary: 'what becomes of open connections that a change no longer allows',
	details: 'cut: they end at once. keep: they run on until they end by themselves. Those that ran on end when it is cut again.',
	read(reader) {
		return readSetting(reader, ['cut', 'keep']);
	},
	edit(revocation) {
		return policy => revocation === undefined ? policy : setRevocation(policy, revocation);
	},
	async run(lab, revocation) {
		const changed = revocation === undefined ? {devices: [], cut: 0} : await change(lab, policy => setRevocation(policy, revocation));
		return {revocation: lab.policy.revocation, ...changed};
	},
	text(result) {
		return [result.revocation, changeText(result)].filter(Boolean).join('\n');
	},
};

export function modeOf({stateful}: Policy): Mode {
	return stateful ? 'stateful' : 'stateless';
}

function readSetting<Setting extends string>(reader: Reader, settings: readonly Setting[]): Setting | undefined {
	const setting = reader.more(() => settings) ? reader.oneOf(settings) : undefined;
	reader.finish();
	return setting;
}
