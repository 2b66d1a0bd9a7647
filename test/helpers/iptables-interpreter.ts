/** Judges packets by the text of iptables-restore (or iptables-save) and ipset, line by line. What it does not know it refuses to guess. */
import {contains, formatAddress, parseAddress, parsePrefix} from '../../lib/util/address.ts';
import type {Address} from '../../lib/util/address.ts';

/** A packet as FORWARD sees it. Everything that is left out is that of a TCP connection's first packet. */
export type ForwardedPacket = {
	readonly source: Address;
	readonly destination: Address;
	/** IP protocol number. */
	readonly protocol?: number;
	readonly sport?: number;
	readonly dport?: number;
	readonly icmpType?: number;
	readonly icmpCode?: number;
	/** Whether it may start a connection: TCP that may not lacks SYN, anything else is INVALID. */
	readonly opens?: boolean;
	readonly state?: 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID';
	readonly direction?: 'ORIGINAL' | 'REPLY';
	/** Mark of its connection. */
	readonly mark?: number;
	/** Whether it finds a rate exhausted. */
	readonly overRate?: boolean;
};

export type Judgement = {
	readonly verdict: 'allow' | 'deny';
	/** How a packet that is denied is answered. */
	readonly answer: string | undefined;
	/** Mark of its connection afterwards. */
	readonly mark: number;
	/** Prefixes of what is logged. */
	readonly logged: readonly string[];
	/** Comments of the lines that matched. */
	readonly by: readonly string[];
};

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
	return {verdict: target === 'ACCEPT' ? 'allow' : 'deny', answer: walk.answer, mark: walk.mark, logged: walk.logged, by: walk.matched};
}

/** Targets that end the walk, and those after which it goes on. */
const ends = ['ACCEPT', 'DROP', 'REJECT'];
const steps = ['CONNMARK', 'MARK', 'NFLOG'];

class Walk {
	readonly #lines: readonly Line[];
	readonly #sets: ReadonlyMap<string, readonly string[]>;
	readonly #packet: ForwardedPacket;
	readonly matched: string[] = [];
	readonly logged: string[] = [];
	answer: string | undefined;
	mark: number;
	/** Mark of the packet itself. */
	#packetMark = 0;

	constructor(lines: readonly Line[], sets: ReadonlyMap<string, readonly string[]>, packet: ForwardedPacket) {
		this.#lines = lines;
		this.#sets = sets;
		this.#packet = packet;
		this.mark = packet.mark ?? 0;
	}

	/** The target that ended the walk, undefined when the chain ran out. */
	chain(name: string): string | undefined {
		for (const {words} of this.#lines.filter(line => line.chain === name)) {
			const target = this.#follow([...words]);
			if (target === undefined || steps.includes(target)) {
				continue;
			}

			const end = ends.includes(target) ? target : this.chain(target);
			if (end !== undefined) {
				return end;
			}
		}

		return undefined;
	}

	/** The target of a line whose matches all hold. */
	#follow(words: string[]): string | undefined {
		let holds = true;
		let comment = '';
		let module = '';
		while (words.length > 0) {
			const negated = words[0] === '!' && words.shift() !== undefined;
			const word = words.shift() ?? '';
			if (word === '-j') {
				return holds ? this.#jump(words, comment) : undefined;
			}

			if (word === '--comment') {
				comment = words.shift() ?? '';
			} else if (word !== '-m') {
				holds = this.#holds(`${word === '--mark' ? module : ''}${word}`, words) !== negated && holds;
			} else {
				module = expectOneOf(['comment', 'connmark', 'conntrack', 'icmp', 'icmp6', 'limit', 'mark', 'multiport', 'sctp', 'set', 'tcp', 'u32', 'udp'], words.shift());
			}
		}

		return undefined;
	}

	#jump(words: string[], comment: string): string {
		this.matched.push(comment);
		const target = words.shift() ?? '';
		const options = new Map(words.flatMap((word, index) => word.startsWith('--') ? [[word, words[index + 1] ?? ''] as const] : []));
		const xmark = (mark: number) => {
			const [value = 0, mask = 0xFFFF_FFFF] = (options.get('--set-xmark') ?? '').split('/').map(Number);
			return (mark & ~mask) ^ value;
		};

		if (target === 'CONNMARK') {
			this.mark = xmark(this.mark);
		} else if (target === 'MARK') {
			this.#packetMark = xmark(this.#packetMark);
		} else if (target === 'NFLOG') {
			this.logged.push(options.get('--nflog-prefix') ?? '');
		} else if (target === 'REJECT') {
			this.answer = options.get('--reject-with');
		}

		return target;
	}

	#holds(match: string, words: string[]): boolean {
		const {source, destination, protocol = 6, opens = true, state = 'NEW', direction = 'ORIGINAL'} = this.#packet;
		switch (match) {
			case '-s':
				return contains(parsePrefix(words.shift() ?? ''), source);
			case '-d':
				return contains(parsePrefix(words.shift() ?? ''), destination);
			case '-p':
				return protocolNumber(words.shift() ?? '') === protocol;
			case '--syn':
				return opens;
			case '--tcp-flags':
				expectOneOf(['FIN,SYN,RST,ACK'], words.shift());
				expectOneOf(['SYN'], words.shift());
				return opens;
			case '--ctstate':
				return words.shift() === (opens || protocol === 6 ? state : 'INVALID');
			case '--ctdir':
				return words.shift() === direction;
			case 'connmark--mark':
				return isMarked(this.mark, words.shift());
			case 'mark--mark':
				return isMarked(this.#packetMark, words.shift());
			case '--u32':
				expectOneOf(['6&0xFF=0x0'], words.shift());
				return protocol === 0;
			case '--limit':
			case '--limit-burst':
				words.shift();
				return this.#packet.overRate !== true;
			case '--match-set':
				return this.#inSet(words);
			default:
				return this.#fits(match, words.shift() ?? '');
		}
	}

	#fits(match: string, value: string): boolean {
		const {sport, dport, icmpType, icmpCode} = this.#packet;
		switch (match) {
			case '--sport':
			case '--sports':
				return inPorts(value, sport);
			case '--dport':
			case '--dports':
				return inPorts(value, dport);
			case '--icmp-type':
			case '--icmpv6-type': {
				const [type, code] = value.split('/').map(Number);
				return type === icmpType && (code === undefined || code === icmpCode);
			}
			default:
				throw new Error(`Unknown match: ${match}`);
		}
	}

	#inSet(words: string[]): boolean {
		const elements = this.#sets.get(words.shift() ?? '');
		const side = words.shift() === 'src' ? this.#packet.source : this.#packet.destination;
		if (!elements) {
			throw new Error(`No such set in: --match-set, for ${formatAddress(side)}`);
		}

		return elements.some(element => contains(parsePrefix(element), side));
	}
}

const protocolNames: Readonly<Record<string, number>> = {icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58, sctp: 132};

/** Protocol 0 is every protocol to iptables. */
function protocolNumber(word: string): number {
	const number = protocolNames[word] ?? Number(word);
	if (!(number > 0)) {
		throw new Error(`Unknown protocol: ${word}`);
	}

	return number;
}

/** The kernel holds 15 ports, a range counting two. */
function inPorts(text: string, port = -1): boolean {
	if (text.split(/[,:]/).length > 15) {
		throw new Error(`Too many ports: ${text}`);
	}

	return text.split(',').some(range => {
		const [first = 0, last = first] = range.split(':').map(Number);
		return first <= port && port <= last;
	});
}

function isMarked(mark: number, text = ''): boolean {
	const [value = 0, mask = 0xFFFF_FFFF] = text.split('/').map(Number);
	return (mark & mask) === value;
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

function expectOneOf(known: readonly string[], word = 'end of line'): string {
	if (!known.includes(word)) {
		throw new Error(`Unknown word: ${word}; known: ${known.join(', ')}`);
	}

	return word;
}
