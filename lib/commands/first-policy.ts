/** The policy that a topology begins with, from its own lines. */
import {type Policy, emptyPolicy} from '../policy/model.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import type {Topology} from '../topology/topology.ts';
import {InputError} from '../util/errors.ts';
import {policyFrom} from './policy-lines.ts';
import {readText} from './run-line.ts';

/** @throws InputError `policy` with every line that is wrong */
export function firstPolicy({name, policy: lines}: Pick<Topology, 'name' | 'policy'>, {isolation, nodes}: Blueprint): Policy {
	const {policy, mistakes} = policyFrom(lines, emptyPolicy(isolation), nodes, readText);
	if (mistakes.length > 0) {
		const texts = mistakes.map(({message, details: {line = 1}}) => `  ${lines[line - 1] ?? ''}: ${message}`);
		throw new InputError('policy', [`The policy of topology ${name} has mistakes:`, ...texts].join('\n'));
	}

	return policy;
}
