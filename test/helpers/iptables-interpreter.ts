/** Judges packets by the text of iptables-restore (or iptables-save) and ipset, line by line. What it does not know it refuses to guess. */
import {contains, formatAddress, parseAddress, parsePrefix} from '../../lib/util/address.ts';
import type {Address} from '../../lib/util/address.ts';

/** A packet as FORWARD sees it. Everything that is left out is that of a TCP connection's first packet. */
export type ForwardedPacket = {
	readonly source: Address;
	readonly destination: Address;
	readonly protocol?: 'tcp' | 'udp' | 'icmp';
	readonly syn?: boolean;
	readonly state?: 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID';
	/** Mark of its connection. */
	readonly mark?: number;
};

export type Judgement = {readonly verdict: 'allow' | 'deny'; /** Mark of its connection afterwards. */ readonly mark: number; /** Comments of the lines that matched. */ readonly by: readonly string[]};

type Line = {readonly chain: string; readonly words: readonly string[]};

/**
@param rules text of one family, as iptables-restore reads or iptables-save prints it
@param sets lines of ipset: `create`, `flush`, `add`, `del`, `swap`, `destroy`
@throws when a line has a match or a target that is not understood
*/
export function judge(rules: string, sets: readonly string[], packet: ForwardedPacket): Judgement {
	const walk = new Walk(readLines(rules), readSets(sets), packet);
	const policy = /^:FORWARD (\w+)/m.exec(rules)?.[1] ?? 'ACCEPT';
	const target = walk.chain('FORWARD') ?? policy;
	return {verdict: target === 'ACCEPT' ? 'allow' : 'deny', mark: walk.mark, by: walk.matched};
}

class Walk {
	readonly #lines: readonly Line[];
	readonly #sets: ReadonlyMap<string, readonly string[]>;
	readonly #packet: ForwardedPacket;
	readonly matched: string[] = [];
	mark: number;

	constructor(lines: readonly Line[], sets: ReadonlyMap<string, readonly string[]>, packet: ForwardedPacket) {
		this.#lines = lines;
		this.#sets = sets;
		this.#packet = packet;
		this.mark = packet.mark ?? 0;
	}

	/** The target that ended the walk, undefined when the chain ran out. */
	chain(name: string): 'ACCEPT' | 'DROP' | undefined {
		for (const {words} of this.#lines.filter(line => line.chain === name)) {
			const target = this.#follow([...words]);
			if (target === 'ACCEPT' || target === 'DROP') {
				return target;
			}

			const inner = target === undefined || target === 'CONNMARK' ? undefined : this.chain(target);
			if (inner) {
				return inner;
			}
		}

		return undefined;
	}

	/** The target of a line whose matches all hold. */
	#follow(words: string[]): string | undefined {
		let holds = true;
		let comment = '';
		while (words.length > 0) {
			const negated = words[0] === '!' && words.shift() !== undefined;
			const word = words.shift() ?? '';
			if (word === '-j') {
				return holds ? this.#jump(words, comment) : undefined;
			}

			if (word === '--comment') {
				comment = words.shift() ?? '';
			} else if (word !== '-m') {
				holds = this.#holds(word, words) !== negated && holds;
			} else {
				expectOneOf(['comment', 'connmark', 'conntrack', 'set', 'tcp'], words.shift());
			}
		}

		return undefined;
	}

	#jump(words: string[], comment: string): string {
		this.matched.push(comment);
		const target = words.shift() ?? '';
		if (target === 'CONNMARK') {
			expectOneOf(['--set-xmark'], words.shift());
			const [value = 0, mask = 0xFFFF_FFFF] = (words.shift() ?? '').split('/').map(Number);
			this.mark = (this.mark & ~mask) ^ value;
		}

		return target;
	}

	#holds(match: string, words: string[]): boolean {
		const {source, destination, protocol = 'tcp', syn = true, state = 'NEW'} = this.#packet;
		switch (match) {
			case '-s':
				return contains(parsePrefix(words.shift() ?? ''), source);
			case '-d':
				return contains(parsePrefix(words.shift() ?? ''), destination);
			case '-p':
				return words.shift() === protocol;
			case '--syn':
				return syn;
			case '--tcp-flags':
				expectOneOf(['FIN,SYN,RST,ACK'], words.shift());
				expectOneOf(['SYN'], words.shift());
				return syn;
			case '--ctstate':
				return words.shift() === state;
			case '--mark': {
				const [value = 0, mask = 0xFFFF_FFFF] = (words.shift() ?? '').split('/').map(Number);
				return (this.mark & mask) === value;
			}
			case '--match-set': {
				const elements = this.#sets.get(words.shift() ?? '');
				const side = words.shift() === 'src' ? source : destination;
				if (!elements) {
					throw new Error(`No such set in: --match-set, for ${formatAddress(side)}`);
				}

				return elements.some(element => contains(parsePrefix(element), side));
			}
			default:
				throw new Error(`Unknown match: ${match}`);
		}
	}
}

function readLines(rules: string): Line[] {
	return [...rules.matchAll(/^(?:\[\d+:\d+\] )?-A (\S+) (.*)$/gm)].map(([, chain = '', text = '']) =>
		({chain, words: [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')}));
}

function readSets(lines: readonly string[]): Map<string, string[]> {
	const sets = new Map<string, string[]>();
	for (const line of lines) {
		const [command = '', name = '', argument = ''] = line.replace(' -exist', '').split(' ');
		const elements = sets.get(name) ?? [];
		if (command === 'create') {
			sets.set(name, elements);
		} else if (command === 'flush') {
			sets.set(name, []);
		} else if (command === 'add') {
			sets.set(name, [...elements, parseElement(argument)]);
		} else if (command === 'del') {
			sets.set(name, elements.filter(element => element !== argument));
		} else if (command === 'swap') {
			sets.set(name, sets.get(argument) ?? []);
			sets.set(argument, elements);
		} else if (command === 'destroy') {
			sets.delete(name);
		} else {
			throw new Error(`Unknown ipset command: ${line}`);
		}
	}

	return sets;
}

/** The kernel refuses a prefix of length zero, and so does this. */
function parseElement(text: string): string {
	if (text.endsWith('/0')) {
		throw new Error(`ipset refuses ${text}`);
	}

	return text.includes('/') ? text : formatAddress(parseAddress(text));
}

function expectOneOf(known: readonly string[], word: string | undefined): void {
	if (!known.includes(word ?? '')) {
		throw new Error(`Unknown word: ${word ?? 'end of line'}; known: ${known.join(', ')}`);
	}
}
