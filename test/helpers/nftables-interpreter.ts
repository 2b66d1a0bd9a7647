/** Judges packets by the lines of nftables that drivers render, of a perimeter router and of a bridge. What it does not know it refuses to guess. */
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import {remember} from '../../lib/policy/passes/memo.ts';
import {type Mac, contains, formatAddress, parseAddress, parsePrefix} from '../../lib/util/address.ts';
import type {ForwardedPacket} from './iptables-interpreter.ts';

/** A frame with an IP packet in it, of a hop limit that no neighbour discovery has. */
export type BridgedPacket = ForwardedPacket & {
	readonly in?: string;
	readonly out?: string;
	readonly macs?: {readonly source: Mac; readonly destination: Mac};
};

export type NftTable = {
	readonly chains: ReadonlyMap<string, ReadonlyArray<{readonly words: readonly string[]; readonly label: string}>>;
	/** Name to elements, each with what it leads to; empty in a set. */
	readonly sets: ReadonlyMap<string, ReadonlyMap<string, string>>;
};

/** Takes lines apart once, for many packets. */
export function nftTable(lines: ReadonlyArray<{readonly chain: string; readonly text: string; readonly label: string}>, sets: NftTable['sets']): NftTable {
	const chains = new Map<string, Array<{words: readonly string[]; label: string}>>();
	for (const {chain, text, label} of lines) {
		chains.set(chain, [...chains.get(chain) ?? [], {words: wordsOf(text), label}]);
	}

	return {chains, sets};
}

/** Marks of the packet and of its connection, which go from table to table. */
export type Marks = {packet: number; connection: number};

type Verdict = 'accept' | 'drop' | 'reject';

/**
Sends a packet through a chain and those it leads to.

@param by gets the labels of the lines that matched
@returns undefined when the chain ran out
@throws when a line has a word that is not understood
*/
export function walk(table: NftTable, chain: string, packet: BridgedPacket, marks: Marks, by: string[] = []): Verdict | undefined {
	for (const {words, label} of table.chains.get(chain) ?? []) {
		const line = new Line(table, packet, marks, [...words]);
		const target = line.follow();
		if (target !== undefined || line.matched) {
			by.push(label);
		}

		if (target?.startsWith('goto ')) {
			return walk(table, target.slice(5), packet, marks, by);
		}

		const end = target?.startsWith('jump ') ? walk(table, target.slice(5), packet, marks, by) : target as Verdict | undefined;
		if (end !== undefined) {
			return end;
		}
	}

	return undefined;
}

function wordsOf(text: string): string[] {
	return [...text.matchAll(/"([^"]*)"|\{ ([^}]*) \}|\(([^)]*)\)|([^\s()]+)/g)].map(([, quoted, list, bits, plain]) => quoted ?? list ?? bits ?? plain ?? '');
}

class Line {
	readonly #table: NftTable;
	readonly #packet: BridgedPacket;
	readonly #marks: Marks;
	readonly #words: string[];
	matched = true;

	constructor(table: NftTable, packet: BridgedPacket, marks: Marks, words: string[]) {
		this.#table = table;
		this.#packet = packet;
		this.#marks = marks;
		this.#words = words;
	}

	/** Where a packet goes that all matches hold for. */
	follow(): string | undefined {
		while (this.matched && this.#words.length > 0) {
			const word = this.#next();
			switch (word) {
				case 'accept':
				case 'drop':
				case 'reject':
					return word;
				case 'jump':
				case 'goto':
					return `${word} ${this.#next()}`;
				case 'counter':
					if (this.#words[0] === 'name') {
						this.#skip(2);
					}

					break;
				case 'limit':
					this.#skip(2);
					this.matched = this.#packet.overRate !== true;
					break;
				case 'log':
					this.#skip(6);
					break;
				case 'comment':
					this.#skip(1);
					break;
				default: {
					const end = this.#field(`${word} ${this.#next()}`);
					if (end !== undefined) {
						return end;
					}
				}
			}
		}

		return undefined;
	}

	#next(): string {
		return this.#words.shift() ?? '';
	}

	#skip(count: number): void {
		this.#words.splice(0, count);
	}

	/** A match, a mark that is set, or a look-up in a map of verdicts. @param start the first two words */
	#field(start: string): string | undefined {
		if (start === 'iifname vmap' || start === 'oifname vmap') {
			const name = (start.startsWith('i') ? this.#packet.in : this.#packet.out) ?? '';
			return this.#set(this.#next()).get(`"${name}"`);
		}

		if (/^[io]ifname /.test(start)) {
			this.#words.unshift(start.slice(8));
			this.matched = this.#compare(start.startsWith('i') ? this.#packet.in : this.#packet.out);
		} else if (start.startsWith('@th,')) {
			// Options of neighbour discovery, whose hop limit a packet here has not.
			this.matched = false;
		} else if (['meta mark', 'ct mark'].includes(start)) {
			this.#mark(start === 'meta mark' ? 'packet' : 'connection');
		} else if (start === 'ct zone') {
			this.#skip(2);
		} else if (start === 'tcp flags') {
			this.#flags();
		} else {
			this.matched = this.#compare(this.#valueOf(start));
		}

		return undefined;
	}

	#mark(kind: keyof Marks): void {
		const operator = this.#next();
		if (operator === '&') {
			const [mask, comparison, value] = [Number(this.#next()), this.#next(), Number(this.#next())];
			this.matched = ((this.#marks[kind] & mask) >>> 0 === value) === (comparison === '==');
			return;
		}

		const words = this.#words.splice(0, this.#words.findIndex(word => ['comment', 'accept', 'counter'].includes(word)));
		const [, and = '-1', or = '0'] = /^(?:(?:meta|ct) mark(?: & (\w+))?(?: \| (\w+))?)$/.exec(words.join(' ')) ?? (words.join(' ') === '0' ? ['', '0'] : understood(words.join(' ')));
		this.#marks[kind] = ((this.#marks[kind] & Number(and)) | Number(or)) >>> 0;
	}

	/** Of TCP flags a packet here has SYN, or ACK when it opens no connection. */
	#flags(): void {
		const [, set, comparison, value] = this.#words.splice(0, 4);
		const {protocol = protocolNumbers.tcp, opens = true} = this.#packet;
		const holds = set === 'rst' ? false : opens === (comparison === '==' && value === 'syn');
		this.matched = protocol === protocolNumbers.tcp && (set === 'rst' || value === 'syn' ? holds : understood(`tcp flags ${set ?? ''}`));
	}

	/** Whether the value, undefined for a field the packet has not, is what the next words say. */
	#compare(value: string | number | undefined): boolean {
		const negated = this.#words[0] === '!=' || (this.#words[0] === '==' ? this.#words.shift() === undefined : false);
		if (negated) {
			this.#next();
		}

		const mask = this.#words[0] === '&' ? this.#words.splice(0, 3)[1] : undefined;
		const expected = this.#next();
		if (value === undefined) {
			return false;
		}

		if (mask !== undefined) {
			// The only one is the group bit of a MAC address.
			return (Number.parseInt(String(value).slice(0, 2), 16) & 1) === 1;
		}

		const elements = expected.startsWith('@') ? [...this.#set(expected).keys()] : expected.split(', ');
		return elements.some(element => isIn(String(value), element.replaceAll('"', ''))) !== negated;
	}

	#set(name: string): ReadonlyMap<string, string> {
		return this.#table.sets.get(name.slice(1)) ?? understood(name);
	}

	#valueOf(field: string): string | number | undefined {
		const fields = remember(knownFields, this.#packet, () => fieldsOf(this.#packet));
		return field in fields || otherFields.test(field) ? fields[field] : understood(field);
	}
}

type Fields = Readonly<Record<string, string | number | undefined>>;

/** Of packets that have met a line: most meet hundreds. */
const knownFields = new WeakMap<BridgedPacket, Fields>();
/** Fields that not every packet has. */
const otherFields = /^(ip6? [sd]addr|(tcp|udp|sctp) [sd]port|icmp(v6)? (type|code)|arp \w+|vlan id|ip6 length|frag more-fragments)$/;

function fieldsOf({source, destination, protocol = protocolNumbers.tcp, sport, dport, icmpType, icmpCode, opens = true, state = 'NEW', direction = 'ORIGINAL', macs}: BridgedPacket): Fields {
	const ip = source.family === 4 ? 'ip' : 'ip6';
	const carried = {[protocolNumbers.tcp]: 'tcp', [protocolNumbers.udp]: 'udp', [protocolNumbers.sctp]: 'sctp', [protocolNumbers.icmp]: 'icmp', [protocolNumbers.icmp6]: 'icmpv6'}[protocol] ?? '';
	return {
		'meta nfproto': `ipv${source.family}`, 'meta protocol': ip, 'ether type': ip, 'meta l4proto': protocol,
		'ct state': opens || protocol === protocolNumbers.tcp ? state.toLowerCase() : 'invalid', 'ct direction': direction.toLowerCase(),
		'ether saddr': macs?.source, 'ether daddr': macs?.destination, [`${ip} saddr`]: formatAddress(source), [`${ip} daddr`]: formatAddress(destination),
		'ip6 nexthdr': source.family === 6 ? protocol : undefined, 'ip6 hoplimit': source.family === 6 ? 64 : undefined,
		[`${carried} sport`]: sport, [`${carried} dport`]: dport, [`${carried} type`]: icmpType, [`${carried} code`]: icmpCode,
	};
}

const names: Readonly<Record<string, number>> = {...protocolNumbers, 'ipv6-icmp': protocolNumbers.icmp6};

/** @param element a word, a number, a range of ports, or a prefix */
function isIn(value: string, element: string): boolean {
	if (value === element || Number(value) === names[element]) {
		return true;
	}

	const [, first, last] = /^(\d+)-(\d+)$/.exec(element) ?? [];
	if (first !== undefined) {
		return Number(first) <= Number(value) && Number(value) <= Number(last);
	}

	return element.includes('/') && contains(parsePrefix(element), parseAddress(value));
}

function understood(what: string): never {
	throw new Error(`Not understood: ${what}`);
}
