/** Lines that change a policy, read by the commands of the prompt and run without a lab. */
import {endOf, findCommand} from '../../lib/commands/find.ts';
import type {Policy} from '../../lib/policy/model.ts';
import {emptyPolicy} from '../../lib/policy/model.ts';
import type {Nodes} from '../../lib/policy/names.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {splitWords} from '../../lib/util/words.ts';

/** @throws InputError as the prompt would; TypeError for a line that does not change the policy */
export function runPolicyLines(lines: readonly string[], nodes: Nodes, start: Policy = emptyPolicy('bound')): Policy {
	let policy = start;
	for (const line of lines) {
		const scene = {policy, network: {nodes}};
		const all = splitWords(line);
		const {command, words} = findCommand(all, scene);
		const edit = command.edit?.(command.read(new Reader(words, command.usage, endOf(all.at(-1))), scene), nodes);
		if (!edit) {
			throw new TypeError(`"${line}" changes no policy`);
		}

		policy = edit(policy);
	}

	return policy;
}
