/** Checks of nodes as the file gives them: their names and what hosts say of themselves. */
import {tryParseInterfaceAddress, tryParsePrefix} from '../../util/address.ts';
import {interfaceNameLimit, namePattern, printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import {isReserved} from '../../util/reserved.ts';
import type {Graph} from '../specs.ts';

export function checkNames({nodes}: Graph, problems: Problems): void {
	for (const name of new Set(nodes.map(node => node.name))) {
		if (!namePattern.test(name)) {
			problems.add(printable(name), `"${printable(name)}" cannot name a node`, 'Begin with a letter, go on with letters, digits, _ or -');
		} else if (isReserved(name)) {
			problems.add(name, `"${name}" is a word of the prompt or of the rule language`, `Name it ${name}1, for example`);
		} else if (name.length > interfaceNameLimit) {
			problems.add(printable(name), `its name has ${name.length} characters, and Linux allows ${interfaceNameLimit}`, 'Shorten it');
		}
	}
}

export function checkDuplicateNames({nodes}: Graph, problems: Problems): void {
	const kinds = new Map<string, string>();
	for (const {name, kind} of nodes) {
		const other = kinds.get(name);
		if (other !== undefined) {
			problems.add(printable(name), `another ${other === kind ? kind : `node, a ${other},`} has that name already`, 'Give each node a name of its own');
		}

		kinds.set(name, other ?? kind);
	}
}

/** A host's own options stand for its first interface, which then should not say the same thing again. */
export function checkHostInterfaces({nodes, links}: Graph, problems: Problems): void {
	const ends = new Map(links.toReversed().flatMap(link => link.ends.toReversed()).map(end => [end.node, end.options]));
	for (const node of nodes) {
		for (const option of ['ip', 'mac'] as const) {
			if (node.kind === 'host' && node.options[option] !== undefined && ends.get(node.name)?.[option] !== undefined) {
				problems.add(printable(node.name), `${option} is given twice, by addHost() and by its first interface`, 'Leave one of them out');
			}
		}
	}
}

/** A host without a link gets its addresses with the first one, when it is too late to tell. */
export function checkWaitingHosts({nodes, links, tunnels}: Graph, problems: Problems): void {
	const linked = new Set([...links, ...tunnels].flatMap(wire => wire.ends.map(({node}) => node)));
	for (const node of nodes) {
		for (const text of node.kind === 'host' && !linked.has(node.name) ? [node.options.ip ?? []].flat() : []) {
			if (!text.includes('/') || !tryParseInterfaceAddress(text)) {
				problems.add(printable(node.name), `its address "${printable(text)}" is no address with a prefix length`, 'Write it like 10.0.0.1/24 or fd00::1/64');
			}
		}
	}
}

export function checkAllowedAddresses({nodes}: Graph, problems: Problems): void {
	for (const node of nodes) {
		for (const text of node.kind === 'host' ? node.options.allowedAddresses ?? [] : []) {
			if (!tryParsePrefix(text)) {
				problems.add(printable(node.name), `"${printable(text)}" among its allowedAddresses is neither an address nor a prefix`, 'Write it like 10.0.0.9 or 10.9.0.0/16, host bits zero');
			}
		}
	}
}
