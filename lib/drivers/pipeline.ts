/**
The pipeline of a switch: the one place where OpenFlow tables, registers and priorities have numbers.

    classify ─┬─ antispoof ─ protocol ─┬─ cast ─┬─ state ─┐
              │                        │        └─────────┴─ source ─ destination ─┬─ rules ─ defaults ─ isolation ─ permit ─ forward
              ├─ cast, forward         └─ forward                                  └─ multicast ─ destination …
              └─ other

By its style (openflow-port-lists.ts) a switch has the policy's rules not in `rules` but in what that leads to:

    rules ─ egress ─ ingress ─ groups ─ defaults …

A priority tag is taken off and the frame classified again, and so is what comes from the port of an unbound host, behind `antispoof`; `rules` may go to `permit` and `forward`, `defaults` with what a firewall
will answer to `forward`, `forward` to `other`. After `permit` has made a connection the packet begins `forward` anew.
*/

/** OpenFlow table of each stage, in the order a packet meets them. `multicast` goes back, once for each copy, and so do the last three. */
export const table = {
	/** Tells guarded ports from others, and what is always allowed from what is judged. */
	classify: 0,
	/** Whose packet it is: a secured port sends from its own MAC and addresses only, any other host's from none that is a bound host's. */
	antispoof: 1,
	/** What kind of packet it is: neighbour discovery, DHCP, router advertisements of a secured port. */
	protocol: 2,
	/** Parts multicast, which is judged per receiver and without state, from unicast, which is tracked. */
	cast: 3,
	/** What connection tracking says. */
	state: 4,
	/** Source address to set bits and domain. */
	source: 5,
	/** Destination address to set bits, domain, boundness, and whether it is a router's. */
	destination: 6,
	/** Judges a copy for every port that wants it, with the host there as destination. */
	multicast: 7,
	/** The policy, first match by priority. */
	rules: 8,
	/** Pairs that a perimeter firewall parts are denied when no rule matched. */
	defaults: 9,
	/** All other pairs follow the lab's isolation. */
	isolation: 10,
	/** Makes the connection. */
	permit: 11,
	/** Learning switch, save that a secured port receives for its own addresses only. */
	forward: 12,
	/** What never goes to a secured port: neither ARP nor IP, and what `forward` keeps from them. */
	other: 13,
	/** The ordered list of what the hosts at this switch send. */
	egress: 14,
	/** The ordered list of what goes to them, and of what only passes here. */
	ingress: 15,
	/** The union of what the security groups allow. */
	groups: 16,
} as const;

export type Table = (typeof table)[keyof typeof table];

const tableNumber = /^table=(\d+)/;

/** The stage of a flow that is written with its table, such as `8 rules`; undefined for what is no such flow. */
export function stageOf(flow: string): string | undefined {
	const number = tableNumber.exec(flow)?.[1];
	const name = Object.entries(table).find(([, each]) => String(each) === number)?.[0];
	return number === undefined ? undefined : name === undefined ? number : `${number} ${name}`;
}

/** The same flow with the name of its stage beside the number of its table: `table=8 rules`. */
export function stageNamed(flow: string): string {
	const stage = stageOf(flow);
	return stage === undefined ? flow : flow.replace(tableNumber, `table=${stage}`);
}

/** The way from one stage to another; `goto_table` leads to later tables only (ovs-actions(7)). */
export function goTo(from: Table, to: Table): string {
	return to > from ? `goto_table:${to}` : `resubmit(,${to})`;
}

/** Priorities within the tables. Every table ends with a flow at `miss`; rules and prefixes have bands of their own. */
export const priority = {
	miss: 0,
	low: 100,
	middle: 200,
	high: 300,
	/** A prefix of length n stands at `prefix + n`, so the longest wins. */
	prefix: 1000,
	/** Rules stand between these two, `ruleStep` apart as long as there is room. */
	ruleLast: 1000,
	ruleFirst: 60_000,
	ruleStep: 32,
	/** Before all rules and prefixes. */
	first: 65_000,
} as const;

/**
Registers. Bit n of the source words (reg0 to reg6) and of the destination words (reg7 to reg13) says that the address
is in the set that was given number n; reg14 holds the two domains; reg15 flags and, for multicast, the receiving port.
*/
const sourceWord = 0;
const destinationWord = 7;
const wordsPerSide = 7;
const bitsPerWord = 32;

export type Side = 'source' | 'destination';

export const flag = {
	/** Makes no connection: it starts none and is part of none, so no stateful rule allows it, or a stateless rule lets it pass. */
	untracked: 0x1,
	multicast: 0x2,
	/** The destination is a bound host. */
	bound: 0x4,
	/** The destination is a router's address; the frame may be for somebody else. */
	router: 0x8,
	/** A rule rejects it: the firewall that parts the pair answers, otherwise it is dropped. */
	rejected: 0x10,
	/** Comes from a host in no group, and claims no address of a host in one. */
	guest: 0x20,
} as const;

type FlagName = keyof typeof flag;

/** What the registers, cookies and OVS's limit of 4,096 resubmits per packet can hold. */
export const limit = {
	sets: wordsPerSide * bitsPerWord,
	ruleId: 0xF_FFFF,
	/** A rule's meter has the number of the rule; the kernel's datapath has the fewest (DP_METER_NUM_MAX), the userspace one 262,144. */
	meter: 200_000,
	rules: priority.ruleFirst - priority.ruleLast,
	domainId: 0xFFFE,
	/** Each costs a broadcast up to six resubmits, and 80 of the 64 Ki bytes that the actions of one flow may take. */
	judgedPorts: 600,
	/** Where lists and groups judge a copy it is seven. */
	judgedPortsOfBoth: 500,
} as const;

/** Numbers of sets as register words, such as [0, 4] for number 34. */
export function wordsOf(bits: Iterable<number>): number[] {
	const words: number[] = [];
	for (const bit of bits) {
		const word = Math.floor(bit / bitsPerWord);
		words[word] = ((words[word] ?? 0) | (1 << (bit % bitsPerWord))) >>> 0;
	}

	return words;
}

/** Matches addresses of the set with this number; negated, all others. */
export function matchSet(side: Side, bit: number, negated = false): string {
	const mask = hex((1 << (bit % bitsPerWord)) >>> 0);
	return `reg${firstWord(side) + Math.floor(bit / bitsPerWord)}=${negated ? '0x0' : mask}/${mask}`;
}

/** Writes the sets an address is in; words without a set stay zero. */
export function setWords(side: Side, words: readonly number[]): string[] {
	return words.flatMap((word, index) => word ? [`set_field:${hex(word)}->reg${firstWord(side) + index}`] : []);
}

/** @param domain a domain's id, undefined for the outside */
export function matchDomains(source: number | undefined, destination: number | undefined): string {
	return `reg14=${hex((domainNumber(source) * 0x1_0000) + domainNumber(destination))}`;
}

export function setDomain(side: Side, domain: number): string {
	return side === 'source'
		? `set_field:${hex(domainNumber(domain) * 0x1_0000)}/0xffff0000->reg14`
		: `set_field:${hex(domainNumber(domain))}/0xffff->reg14`;
}

export function matchFlag(name: FlagName): string {
	return matchFlags([name]);
}

/** @param absent flags that are not set */
export function matchFlags(present: readonly FlagName[], absent: readonly FlagName[] = []): string {
	const bits = (names: readonly FlagName[]) => names.reduce((sum, name) => sum | flag[name], 0);
	return `reg15=${hex(bits(present))}/${hex(bits([...present, ...absent]))}`;
}

export function setFlag(name: FlagName): string {
	return `set_field:${hex(flag[name])}/${hex(flag[name])}->reg15`;
}

/** A multicast packet itself, not the copy for a port. */
export const matchOriginal = `reg15=${hex(flag.multicast)}/${hex(0xFFFF_0000 + flag.multicast)}`;

export function setReceiver(port: number): string {
	return `set_field:${hex(port * 0x1_0000)}/0xffff0000->reg15`;
}

export const outputToReceiver = 'output:NXM_NX_REG15[16..31]';

function firstWord(side: Side): number {
	return side === 'source' ? sourceWord : destinationWord;
}

/** Zero is what registers start with, so it stands for the outside. */
function domainNumber(domain: number | undefined): number {
	return domain === undefined ? 0 : domain + 1;
}

function hex(value: number): string {
	return `0x${value.toString(16)}`;
}
