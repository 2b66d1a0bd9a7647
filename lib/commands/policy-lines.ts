/** Lines of the prompt that change the policy and nothing else, as files and topologies have them: the policy they make. */
import type {Policy} from '../policy/model.ts';
import type {Nodes} from '../policy/names.ts';
import {InputError} from '../util/errors.ts';
import type {Io} from './command.ts';

export type MadePolicy = {
	readonly policy: Policy;
	/** Each with its line, from 1; those lines have changed nothing. */
	readonly mistakes: readonly InputError[];
};

/** What a policy becomes by the lines, one after the other. */
export function policyFrom(lines: readonly string[], start: Policy, nodes: Nodes, read: Io['read']): MadePolicy {
	const mistakes: InputError[] = [];
	let policy = start;
	for (const [index, line] of lines.entries()) {
		try {
			policy = edited(policy, line, nodes, read);
		} catch (error) {
			if (!(error instanceof InputError)) {
				throw error;
			}

			mistakes.push(error.locate({line: index + 1, column: 1}));
		}
	}

	return {policy, mistakes};
}

function edited(policy: Policy, line: string, nodes: Nodes, read: Io['read']): Policy {
	const found = read(line, {policy, network: {nodes}});
	if (!found) {
		return policy;
	}

	const edit = found.command.edit?.(found.input, nodes);
	if (!edit) {
		throw new InputError('load', `"${found.command.name}" does not change the policy, or not only that. Take the line out, or run the file with source.`, {column: 1, expected: ['line that changes the policy']});
	}

	return edit(policy);
}
