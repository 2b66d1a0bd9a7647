/** `secrule save FILE`, `secrule load FILE`: the whole policy as lines of the prompt. */
import {type Policy, emptyPolicy} from '../policy/model.ts';
import type {Nodes} from '../policy/names.ts';
import type {Reader} from '../policy/reader.ts';
import {replacePolicy} from '../policy/repository.ts';
import {policyLines} from '../policy/save.ts';
import type {Word} from '../util/words.ts';
import {type ChangeResult, change, changeText, warned} from './change.ts';
import type {Command, Io} from './command.ts';
import {fileLines} from './file-lines.ts';
import {LoadError} from './load-error.ts';
import {policyFrom} from './policy-lines.ts';
import {labWarnings} from './unguarded.ts';
import {writeWhole} from './write-whole.ts';

export type SecruleSaveResult = {readonly file: string; /** Number of rules in it. */ readonly rules: number};

export type SecruleLoadResult = ChangeResult & SecruleSaveResult;

export const secruleSaveCommand: Command<Word, SecruleSaveResult> = {
	name: 'secrule save',
	usage: 'secrule save FILE',
	summary: 'write the policy to a file: groups, IPGs, services, settings and rules',
	details: 'The lines read back: secrule load FILE, or source FILE in a new lab with the same nodes. They keep order and names, not ids.',
	paths: true,
	read: readPath,
	async run({policy}, {text, column}) {
		await writeWhole(text, `${policyLines(policy).join('\n')}\n`, column);
		return {file: text, rules: policy.rules.length};
	},
	text({rules}) {
		return `${rules} ${rules === 1 ? 'rule' : 'rules'} saved`;
	},
};

export const secruleLoadCommand: Command<Word, SecruleLoadResult> = {
	name: 'secrule load',
	usage: 'secrule load FILE',
	summary: 'replace the whole policy by that of a file, in one step',
	details: 'Every line of the file is one that changes the policy and nothing else; with a mistake in any, nothing changes. A rule that stands in both policies keeps its id and its hits.',
	paths: true,
	read: readPath,
	async run(lab, {text, column}, {read}) {
		const lines = await fileLines(text, column);
		const changed = await change(lab, policy => replacePolicy(policy, loaded({text, column}, lines, emptyPolicy(policy.isolation), lab.network.nodes, read)));
		return warned({file: text, rules: lab.policy.rules.length, ...changed}, labWarnings(lab));
	},
	text(result) {
		return [`${result.rules} ${result.rules === 1 ? 'rule' : 'rules'} loaded`, changeText(result)].filter(Boolean).join('\n');
	},
};

function readPath(reader: Reader): Word {
	const word = reader.take(['file'], () => []);
	reader.finish();
	return word;
}

/** @throws LoadError with every mistake of the file */
function loaded({text: file, column}: Pick<Word, 'text' | 'column'>, lines: readonly string[], start: Policy, nodes: Nodes, read: Io['read']): Policy {
	const {policy, mistakes} = policyFrom(lines, start, nodes, read);
	if (mistakes.length > 0) {
		throw new LoadError(file, mistakes, column);
	}

	return policy;
}
