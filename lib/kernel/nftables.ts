/** Tables of nftables in a namespace, changed in one transaction and read back by nft(8). */
import type {Namespace} from './namespace.ts';
import {RulesError} from './iptables.ts';
import {ProgramError, run} from './process.ts';
import {systemProgram} from './programs.ts';

/** AVA brings another program of this name. */
const nft = () => systemProgram('nft');
/** Milliseconds; 10,000 elements take 0.1 s on an idle machine. */
const timeout = 30_000;

export type Table = {readonly family: 'ip' | 'ip6' | 'inet' | 'bridge'; readonly name: string};

/**
Runs commands in one transaction: packets see all of them, or none.
Equivalent to: `ip netns exec NAMESPACE nft --file -`

@param lines such as `add table inet NAME`, `add rule inet NAME CHAIN ip saddr 10.0.0.1 drop`
@param options.test only asks whether they would be accepted; what the kernel alone can refuse is not found
@throws RulesError with the refused line; nothing has changed then
*/
export async function changeTables(namespace: Namespace, lines: readonly string[], {test = false}: {readonly test?: boolean} = {}): Promise<void> {
	try {
		await run([nft(), ...(test ? ['--check'] : []), '--file', '-'], {namespace, input: lines.map(line => `${line}\n`).join(''), timeout});
	} catch (error) {
		throw error instanceof ProgramError && error.stderr !== '' ? rulesError(namespace, lines, error) : error;
	}
}

/** `/dev/stdin:3:13-19: Error: No such file or directory`, then the line and carets below. The first mistake is told. */
function rulesError({name}: Namespace, lines: readonly string[], error: ProgramError): RulesError {
	const [, line, words] = /^[^\n:]*:(\d+):\d+-\d+: Error: (.*)$/m.exec(error.stderr) ?? [];
	return new RulesError('nft', name, line === undefined ? undefined : lines[Number(line) - 1], (words ?? error.stderr).trim(), {cause: error});
}

/** A rule as nft prints it, with the chain that holds it. */
export type PrintedRule = {readonly chain: string; readonly text: string};
export type PrintedTable = {readonly rules: readonly PrintedRule[]; /** Packets by the names of counters. */ readonly counters: ReadonlyMap<string, number>; /** Elements of each set. */ readonly sets: ReadonlyMap<string, readonly string[]>};

/**
What a table holds; empty when there is none.
Equivalent to: `ip netns exec NAMESPACE nft list table FAMILY NAME`

@param options.elements whether those of sets are read as well: they may be many
*/
export async function readTable(namespace: Namespace, {family, name}: Table, {elements = false}: {readonly elements?: boolean} = {}): Promise<PrintedTable> {
	try {
		const {stdout} = await run([nft(), ...(elements ? [] : ['--terse']), 'list', 'table', family, name], {namespace, timeout});
		return readPrinted(stdout);
	} catch (error) {
		if (error instanceof ProgramError && error.stderr.includes('No such file or directory')) {
			return {rules: [], counters: new Map(), sets: new Map()};
		}

		throw error;
	}
}

/** Equivalent to: `ip netns exec NAMESPACE nft --stateless list ruleset`, which leaves counts out */
export async function readRuleset(namespace: Namespace): Promise<string> {
	return (await run([nft(), '--stateless', 'list', 'ruleset'], {namespace, timeout})).stdout;
}

/** JSON would tell a rule as a tree; this is its text. Blocks are indented by one tab, what is in them by two. */
function readPrinted(text: string): PrintedTable {
	const blocks = [...text.matchAll(/^\t(\w+) (\S+) \{\n([^]*?)^\t\}$/gm)].map(([, kind = '', name = '', body = '']) => ({kind, name, body}));
	const of = (kind: string) => blocks.filter(block => block.kind === kind);
	return {
		rules: of('chain').flatMap(({name, body}) => body.split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('type ')).map(line => ({chain: name, text: line}))),
		counters: new Map(of('counter').map(({name, body}) => [name, Number(/packets (\d+)/.exec(body)?.[1] ?? 0)])),
		sets: new Map(of('set').map(({name, body}) => [name, (/elements = \{([^}]*)\}/.exec(body)?.[1] ?? '').split(',').map(element => element.trim()).filter(Boolean)])),
	};
}

/** As `nft --json list ruleset` tells them, as far as it matters here. */
type ListedChain = {readonly family: string; readonly table: string; readonly name: string; readonly hook?: string; readonly policy?: string};
type ListedRule = {readonly family: string; readonly table: string; readonly chain: string};
type Listed = {readonly nftables: ReadonlyArray<{readonly chain?: ListedChain; readonly rule?: ListedRule}>};

/**
Chains of other tables that judge what is forwarded: a packet passes only when all tables let it.
Equivalent to: `ip netns exec NAMESPACE nft list ruleset`, and a search for `hook forward`

@param own the table that is not meant
@returns such as `ip filter FORWARD`; chains without rules that accept are left out
*/
export async function foreignChains(namespace: Namespace, own: Table): Promise<string[]> {
	const {stdout} = await run([nft(), '--json', '--terse', 'list', 'ruleset'], {namespace, timeout});
	const {nftables} = JSON.parse(stdout) as Listed;
	const used = new Set(nftables.flatMap(({rule}) => rule ? [`${rule.family} ${rule.table} ${rule.chain}`] : []));
	return nftables.flatMap(({chain}) => chain?.hook === 'forward' && ['ip', 'ip6', 'inet'].includes(chain.family) && !(chain.family === own.family && chain.table === own.name) ? [chain] : [])
		.map(chain => ({...chain, path: `${chain.family} ${chain.table} ${chain.name}`}))
		.filter(({policy, path}) => policy === 'drop' || used.has(path))
		.map(({path}) => path);
}
