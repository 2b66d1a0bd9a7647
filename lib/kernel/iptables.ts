/** Firewall rules of a namespace, written in one transaction a family by iptables-restore(8) and read back by iptables-save(8). */
import {readFileSync} from 'node:fs';
import type {Family} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {type Namespace, inside} from './namespace.ts';
import {ProgramError, run} from './process.ts';

/** iptables or ipset refused a line. What has changed by then, each function says. */
export class RulesError extends SecureNetError {
	override name = 'RulesError';
	readonly place: string;
	/** The line that was refused, when it is known. */
	readonly refused: string | undefined;

	constructor(program: string, place: string, refused: string | undefined, words: string, options?: ErrorOptions) {
		super('rules', `${place}: ${program} refuses ${refused === undefined ? 'the rules' : `"${refused}"`}: ${words}`, {}, options);
		this.place = place;
		this.refused = refused;
	}
}

/** Milliseconds; 10,000 rules take 0.8 s on an idle machine. */
export const restoreLimit = 30_000;
/** Seconds to wait for the lock that all users of the legacy back end share. */
const lockWait = '10';

/**
Changes rules in one transaction. What the text does not name stays: a chain's line `:PFW - [0:0]` empties that chain first.
Equivalent to: `ip netns exec NAMESPACE iptables-restore --noflush --wait 10`

@param text as iptables-save writes it: `*filter`, chains, rules, `COMMIT`
@param options.test only asks whether the rules would be accepted
@throws RulesError with the refused line; nothing has changed then
*/
export async function restore(namespace: Namespace, family: Family, text: string, {test = false}: {readonly test?: boolean} = {}): Promise<void> {
	try {
		await run([...restoreCommand(family), ...(test ? ['--test'] : [])], {namespace, input: text, timeout: restoreLimit});
	} catch (error) {
		throw restoreError(error, namespace, family, text);
	}
}

export function restoreCommand(family: Family): string[] {
	return [family === 4 ? 'iptables-restore' : 'ip6tables-restore', '--noflush', '--wait', lockWait];
}

/** What to throw for an `iptables-restore` that failed: where it has said why, a RulesError that names the line of the text. */
export function restoreError(error: unknown, namespace: Namespace, family: Family, text: string): unknown {
	return error instanceof ProgramError && error.stderr !== '' ? rulesError(restoreCommand(family)[0] ?? '', namespace, text, error) : error;
}

/** All rules with their counters. Equivalent to: `ip netns exec NAMESPACE iptables-save --counters` */
export async function save(namespace: Namespace, family: Family): Promise<string> {
	const {stdout} = await run([family === 4 ? 'iptables-save' : 'ip6tables-save', '--counters'], {namespace, timeout: restoreLimit});
	return stdout;
}

/** Each back end has its own words for the line: `line 5 failed`, `Error occurred at line: 5`, `line 5: …`. */
function rulesError(program: string, {name}: Namespace, text: string, error: ProgramError): RulesError {
	const line = /\bline:? (\d+)/.exec(error.stderr)?.[1];
	const words = error.stderr.split('\n').filter(each => !/^(Error occurred|Try `)/.test(each)).map(withoutProgram).filter(Boolean).join('; ');
	return new RulesError(program, name, line === undefined ? undefined : text.split('\n')[Number(line) - 1], words, {cause: error});
}

/** Takes `iptables-restore v1.8.9 (nf_tables): ` and the like away. */
function withoutProgram(words: string): string {
	return words.replace(/^ip6?tables\S*( v\S+ \(\w+\))?: /, '').trim();
}

/** The two implementations of iptables; a kernel runs the rules of both and lets pass only what both allow. */
export type BackEnd = 'nf_tables' | 'legacy';

/** Which one `iptables-restore` is on this machine. Equivalent to: `iptables-restore --version` */
export async function backEnd(): Promise<BackEnd> {
	const {stdout} = await run(['iptables-restore', '--version']);
	return stdout.includes('(nf_tables)') ? 'nf_tables' : 'legacy';
}

/**
Rules of a namespace that belong to the other back end: `restore` and `save` do not see them, packets do.
Equivalent to: `ip netns exec NAMESPACE iptables-legacy-save`, or `iptables-nft-save`

@returns the rules, as iptables-save writes them
*/
export async function foreignRules(namespace: Namespace, family: Family): Promise<string[]> {
	const ours = await backEnd();
	const theirs = `ip${family === 4 ? '' : '6'}tables-${ours === 'legacy' ? 'nft' : 'legacy'}-save`;
	// Asking the legacy back end for a table would make that table, so the kernel is asked first whether there is one.
	if (ours === 'nf_tables' && legacyTables(namespace, family) === '') {
		return [];
	}

	const {stdout} = await run([theirs], {namespace, timeout: restoreLimit});
	return stdout.split('\n').filter(line => line.startsWith('-A ') || /^:\w+ (DROP|REJECT)/.test(line));
}

function legacyTables(namespace: Namespace, family: Family): string {
	try {
		// Not /proc/self, which is the process's first thread and need not be in the namespace.
		return inside(namespace, () => readFileSync(`/proc/thread-self/net/ip${family === 4 ? '' : '6'}_tables_names`, 'utf8'));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
			return '';
		}

		throw error;
	}
}
