/** The driver for perimeter routers that speaks nftables: one table, and every change of it one transaction. */
import {backEnd, foreignRules, save} from '../kernel/iptables.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {changeTables, foreignChains, readTable} from '../kernel/nftables.ts';
import {ProgramError} from '../kernel/process.ts';
import {MachineError, SecureNetError} from '../util/errors.ts';
import {inSlices} from '../util/slices.ts';
import type {CompleteDriver, InstalledLine, Step} from './driver.ts';
import {watchKernelLog} from './kernel-log.ts';
import {cutConnections, madeConnections} from './made-connections.ts';
import {namingRefused} from './nftables-refusal.ts';
import {nftCommands, nftTexts, plainTable, renderNftables, table} from './nftables-render.ts';
import type {NftablesState} from './nftables-render.ts';

const families = [4, 6] as const;

/** @param namespaceOf the namespace of a router, by its name */
export function createNftablesDriver({namespaceOf}: {readonly namespaceOf: (router: string) => Namespace}): CompleteDriver<NftablesState> {
	const examined = new Set<string>();
	return {
		plain: plainTable,
		supports: () => [],
		render: renderNftables,
		texts: nftTexts,
		differs: (previous, next) => nftCommands(previous, next).length > 0,
		check: async step => naming(step, async () => {
			const namespace = namespaceOf(step.device);
			if (step.beside !== true && !examined.has(step.device)) {
				await refuseForeignRules(namespace);
				examined.add(step.device);
			}

			await changeTables(namespace, commandsOf(step), {test: true});
		}),
		discard: async () => Promise.resolve(),
		apply: async step => naming(step, async () => changeTables(namespaceOf(step.device), commandsOf(step)), true),
		list: async devices => new Map(await inSlices([...devices], async ([device, state]) => [device, await listing(namespaceOf(device), state)] as const)),
		settle: async () => Promise.resolve(),
		connections: async devices => new Map(await inSlices([...devices.keys()], async name => [name, await madeConnections(namespaceOf(name))] as const)),
		cut: async (device, _state, connections) => {
			cutConnections(namespaceOf(device), connections);
			return Promise.resolve();
		},
		watchLog: async (device, listener) => Promise.resolve(watchKernelLog(namespaceOf(device), listener)),
	};
}

/** Where nobody knows what is there, the table is made anew. */
function commandsOf({previous, next, perhaps = []}: Step<NftablesState>): string[] {
	const place = `${table.family} ${table.name}`;
	return perhaps.length === 0 ? nftCommands(previous, next) : [`add table ${place}`, `delete table ${place}`, ...nftCommands(plainTable, next)];
}

async function naming({device, previous, next}: Step<NftablesState>, work: () => Promise<void>, changes = false): Promise<void> {
	await namingRefused(device, () => [...next.lines, ...previous.lines], work, changes);
}

/** Tables are judged one after the other, those of iptables among them, and a packet passes that all let pass: with others no policy would hold as it is told. */
async function refuseForeignRules(namespace: Namespace): Promise<void> {
	const rules = [...await foreignChains(namespace, table), ...(await Promise.all(families.map(async family => legacyRules(namespace, family).catch(noIptables)))).flat()];
	if (rules.length > 0) {
		throw new SecureNetError('foreign-rules', `Other tables hold rules there that packets obey as well: ${rules.slice(0, 5).join(', ')}. Delete them with nft, or with iptables-legacy.`);
	}
}

/** Rules of the older back end of iptables, which nft does not see. */
async function legacyRules(namespace: Namespace, family: 4 | 6): Promise<string[]> {
	return await backEnd() === 'legacy' ? (await save(namespace, family)).split('\n').filter(line => /^(\[\d+:\d+\] )?-A |^:\w+ (DROP|REJECT)/.test(line)) : foreignRules(namespace, family);
}

/** A machine without iptables, or a kernel without its older back end, runs no rules of it. */
function noIptables(error: unknown): string[] {
	if (error instanceof ProgramError || error instanceof MachineError) {
		return [];
	}

	throw error;
}

async function listing(namespace: Namespace, state: NftablesState): Promise<InstalledLine[]> {
	const {rules, counters} = await readTable(namespace, table);
	const known = new Map(state.lines.map(line => [line.label, line]));
	const counted = new Set<string>();
	return rules.map(({chain, text}) => {
		const line = known.get(/ comment "([^"]*)"$/.exec(text)?.[1] ?? '');
		const packets = line === undefined || counted.has(line.counter) ? 0 : counters.get(line.counter) ?? 0;
		counted.add(line?.counter ?? '');
		return {text: `nft add rule ${table.family} ${table.name} ${chain} ${text}`, sentence: line?.sentence ?? attachment(chain, text), packets, ...(line?.rule === undefined ? {} : {rule: line.rule})};
	});
}

/** The lines of FORWARD stand there for good and carry no comment. */
function attachment(chain: string, text: string): string | undefined {
	return chain === 'FORWARD' && / jump PFW\.[46]$/.test(text) ? 'everything that is forwarded is judged by PFW, and dropped unless PFW accepts it' : undefined;
}
