/** The names of ports that this machine knows: /etc/services, services(5). */
import {readFileSync} from 'node:fs';
import {type PortNames, knownPorts} from '../policy/port-names.ts';

/**
Reads the file when the first name is asked for. Names that it lacks are those that everybody knows; so are all when it cannot be read.
Equivalent to: `getent services NAME/PROTOCOL`
*/
export function portNamesOf(path = '/etc/services'): PortNames {
	let entries: ReadonlyMap<string, number> | undefined;
	const all = () => entries ??= entriesOf(path);
	return {
		numberOf(name, protocol) {
			return all().get(`${name}/${protocol}`) ?? knownPorts.numberOf(name, protocol);
		},
		namesFor(protocol) {
			const own = [...all().keys()].filter(key => key.endsWith(`/${protocol}`)).map(key => key.slice(0, -protocol.length - 1));
			return [...new Set([...own, ...knownPorts.namesFor(protocol)])];
		},
	};
}

/** `name/protocol` to port, aliases included; of two lines for one the first counts, as getservbyname(3) has it. */
function entriesOf(path: string): Map<string, number> {
	const entries = new Map<string, number>();
	for (const line of linesOf(path)) {
		const [name = '', portText = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
		const [, port, protocol] = /^(\d+)\/(\w+)$/.exec(portText) ?? [];
		for (const key of [name, ...aliases].map(each => `${each}/${protocol ?? ''}`)) {
			if (port !== undefined && !entries.has(key)) {
				entries.set(key, Number(port));
			}
		}
	}

	return entries;
}

function linesOf(path: string): string[] {
	try {
		return readFileSync(path, 'utf8').split('\n');
	} catch {
		return [];
	}
}
