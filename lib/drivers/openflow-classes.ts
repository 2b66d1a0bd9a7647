/** The stages that are the same on every switch of a lab, as flows: address classes, and what becomes of packets that no rule matched. */
import type {Prefix} from '../util/address.ts';
import {formatPrefix} from '../util/address.ts';
import type {SharedPlan} from '../policy/filter-rule.ts';
import type {AddressClass, ClassifiedPrefix} from './address-class.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {matchDomains, matchFlag, matchFlags, matchOriginal, priority, setDomain, setFlag, setWords, table} from './pipeline.ts';
import type {Side} from './pipeline.ts';

/** All flows of the shared stages that do not depend on a prefix. */
export function stageFlows(shared: SharedPlan): Flow[] {
	return [
		makeFlow(table.source, priority.miss, '', `goto_table:${table.destination}`, 'a source in no set and outside of all domains'),
		makeFlow(table.destination, priority.first, matchOriginal, `goto_table:${table.multicast}`, 'multicast is judged for each receiver'),
		makeFlow(table.destination, priority.miss, '', `goto_table:${table.rules}`, 'a destination in no set and outside of all domains'),
		...routerFlows(shared),
		...defaultFlows(shared),
		...isolationFlows(shared),
		makeFlow(table.forward, priority.miss, '', 'NORMAL', 'forward as a learning switch'),
	];
}

/** The flow that classifies the addresses of a prefix. Its key depends on the prefix alone. */
export function classFlow(side: Side, classified: ClassifiedPrefix): Flow {
	return side === 'source' ? sourceFlow(classified) : destinationFlow(classified);
}

function sourceFlow({prefix, class: source}: ClassifiedPrefix): Flow {
	return makeFlow(table.source, priority.prefix + prefix.length, matchPrefix('source', prefix), then(classActions('source', source), table.destination), `source ${formatPrefix(prefix)}`);
}

function destinationFlow({prefix, class: destination}: ClassifiedPrefix): Flow {
	const match = matchPrefix('destination', prefix);
	return makeFlow(table.destination, priority.prefix + prefix.length, match, then(classActions('destination', destination), table.rules), `destination ${formatPrefix(prefix)}`);
}

function classActions(side: Side, {words, domain, bound, router}: AddressClass): string[] {
	return [...setWords(side, words), ...(domain === undefined ? [] : [setDomain(side, domain)]), ...(bound ? [setFlag('bound')] : []), ...(router ? [setFlag('router')] : [])];
}

/** The address alone could be in a frame to a host, which takes any packet that it forwards or has given itself the address of. */
function routerFlows({routerMacs}: SharedPlan): Flow[] {
	return routerMacs.map(mac => makeFlow(table.rules, priority.first, `${matchFlags(['router'], ['multicast'])},dl_dst=${mac}`, `goto_table:${table.permit}`, 'traffic to a router itself is not judged'));
}

/** OpenFlow cannot match "not equal", so the pairs that no perimeter firewall parts are listed and the rest is denied. */
function defaultFlows({domains}: SharedPlan): Flow[] {
	const together = (source: number | undefined, destination: number | undefined, why: string) =>
		makeFlow(table.defaults, priority.low, matchDomains(source, destination), `goto_table:${table.isolation}`, why);
	return [
		together(undefined, undefined, 'both outside: no perimeter firewall between them'),
		...domains.map(({id}) => together(id, id, `both in domain ${id}: no perimeter firewall between them`)),
		...domains.filter(({perimeter}) => !perimeter).flatMap(({id}) => [
			together(undefined, id, `outside to domain ${id}: no perimeter firewall between them`),
			together(id, undefined, `domain ${id} to outside: no perimeter firewall between them`),
		]),
		makeFlow(table.defaults, priority.miss, '', 'drop', 'default: a perimeter firewall parts source and destination'),
	];
}

function isolationFlows({isolation}: SharedPlan): Flow[] {
	const permit = `goto_table:${table.permit}`;
	const otherwise = makeFlow(table.isolation, priority.miss, '', isolation === 'all' ? 'drop' : permit, `default: isolation ${isolation}`);
	return isolation === 'bound'
		? [makeFlow(table.isolation, priority.low, matchFlag('bound'), 'drop', 'default: the destination is a bound host'), otherwise]
		: [otherwise];
}

/** The addresses of a prefix as source or destination; of the whole family when its length is zero. */
export function matchPrefix(side: Side, prefix: Prefix): string {
	const [protocol, source, destination] = prefix.family === 4 ? ['ip', 'nw_src', 'nw_dst'] : ['ipv6', 'ipv6_src', 'ipv6_dst'];
	return prefix.length === 0 ? protocol : `${protocol},${side === 'source' ? source : destination}=${formatPrefix(prefix)}`;
}

function then(actions: readonly string[], next: number): string {
	return [...actions, `goto_table:${next}`].join(',');
}
