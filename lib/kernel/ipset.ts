/** Address sets of a namespace, by ipset(8). */
import type {Namespace} from './namespace.ts';
import {RulesError} from './iptables.ts';
import {ProgramError, run} from './process.ts';

/** Milliseconds; 10,000 members take 0.1 s on an idle machine. */
const timeout = 30_000;

/**
Changes sets, one line after the other. This is no transaction: lines before a refused one have taken effect.
Equivalent to: `ip netns exec NAMESPACE ipset restore`

@param lines such as `create NAME hash:net family inet`, `add NAME 10.0.0.0/8`, `swap A B`, `destroy NAME`
@throws RulesError with the refused line
*/
export async function restoreSets(namespace: Namespace, lines: readonly string[]): Promise<void> {
	try {
		await run(['ipset', 'restore'], {namespace, input: lines.map(line => `${line}\n`).join(''), timeout});
	} catch (error) {
		throw error instanceof ProgramError && error.stderr !== '' ? setsError(namespace, lines, error) : error;
	}
}

/** All sets with their members, as lines for `restoreSets`. Equivalent to: `ip netns exec NAMESPACE ipset save` */
export async function saveSets(namespace: Namespace): Promise<string[]> {
	const {stdout} = await run(['ipset', 'save'], {namespace, timeout});
	return stdout.split('\n').filter(line => line !== '');
}

function setsError({name}: Namespace, lines: readonly string[], error: ProgramError): RulesError {
	const [, line, words] = /Error in line (\d+): ([^]*)/.exec(error.stderr) ?? [];
	return new RulesError('ipset', name, line === undefined ? undefined : lines[Number(line) - 1], (words ?? error.stderr).trim().replace(/^ipset v\S+ /, ''), {cause: error});
}
