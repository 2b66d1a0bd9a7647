/** `check FILE …`: every problem of topologies, without root and without starting anything. */
import {firstPolicy} from '../commands/first-policy.ts';
import {check} from '../topology/check.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {SecureNetError, exitStatus} from '../util/errors.ts';
import type {Answer} from './answer.ts';
import {type LoadOptions, loadTopology} from './load.ts';

/** One a topology. */
export type CheckResult = {readonly topology: string; readonly ok: boolean; readonly error?: SecureNetError};

/** Fails with the status of wrong input when any topology has a problem; all are looked at. */
export async function checkTopologies(names: readonly string[], options: LoadOptions, {json}: {readonly json: boolean}): Promise<Answer> {
	const results: CheckResult[] = [];
	const texts: string[] = [];
	for (const topology of names) {
		try {
			const loaded = await loadTopology(topology, options);
			const blueprint = check(loaded);
			firstPolicy(loaded, blueprint);
			texts.push(`${topology}: fine, ${counts(blueprint)}`);
			results.push({topology, ok: true});
		} catch (error) {
			if (!(error instanceof SecureNetError)) {
				throw error;
			}

			texts.push(`${topology}: ${error.message}`);
			results.push({topology, ok: false, error});
		}
	}

	return {text: json ? JSON.stringify(results) : texts.join('\n'), status: results.every(({ok}) => ok) ? 0 : exitStatus.input};
}

function counts({nodes, links}: Blueprint): string {
	return `${counted(nodes.size, 'node')}, ${counted(links.length, 'link')}`;
}

function counted(count: number, thing: string): string {
	return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
