/** All that a device has, whichever driver put it there: what one leaves behind is seen when another looks. */
import {save} from '../kernel/iptables.ts';
import {saveSets} from '../kernel/ipset.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {readRuleset} from '../kernel/nftables.ts';
import {findProgram} from '../kernel/programs.ts';
import type {Lab} from '../lab.ts';
import type {Kind} from './case.ts';
import {device} from './ground.ts';

/** Lines without counts, and without what differs from one time to the next: the generation of an ipset, and the kernel's hash. Of a switch those that its driver lists, which are all flows when that is one of ours. */
export async function contentOf(lab: Lab, kind: Kind): Promise<string[]> {
	const name = device[kind];
	return kind === 'switch' ? ((await lab.installed([name])).get(name) ?? []).map(({text}) => text) : contentIn(lab.node(name).namespace);
}

/** A table or a chain of iptables that holds nothing is nobody's; nft shows the tables of its newer back end once more. */
async function contentIn(namespace: Namespace): Promise<string[]> {
	const rules = await Promise.all(([4, 6] as const).map(async family => save(namespace, family)));
	const chains = rules.flatMap(text => text.split('\n')).map(line => line.replaceAll(/\[\d+:\d+\] ?/g, '')).filter(line => /^-A|^:\S+ (?:-|DROP)/.test(line));
	const ruleset = findProgram('nft') === undefined ? '' : await readRuleset(namespace);
	const tables = ruleset.split(/^(?=table )/m).filter(table => !/^table ip6? (?:filter|mangle|nat|raw|security) /.test(table)).flatMap(table => table.split('\n'));
	return [...chains, ...await saveSets(namespace), ...tables].map(line => line.replaceAll(/(\.[\da-f]{6})\.\d+(?=\.[46]\b)| initval \S+/g, '$1').trim());
}
