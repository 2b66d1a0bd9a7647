/** Policy routing: rules that choose the table a packet's route is looked up in. Functions that change queue; the caller flushes. See ip-rule(8). */
import {type Address, type Family, type Prefix, addressBytes, formatPrefix, fromBytes, networkOf} from '../util/address.ts';
import type {Namespace} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import {dump} from './netlink-dump.ts';
import {NETLINK_ROUTE, type Rtnetlink, flag, rtm} from './rtnetlink.ts';
import {otherWords} from './rule-words.ts';
import {AF_INET, AF_INET6} from './syscall.ts';

/** Attributes and actions of linux/fib_rules.h. */
const fra = {to: 1, from: 2, interface: 3, priority: 6, mark: 10, suppress: 14, table: 15, mask: 16, protocol: 21} as const;
const actions = {table: 1, blackhole: 6, unreachable: 7, prohibit: 8} as const;
const actionNames: ReadonlyMap<number, keyof typeof actions> = new Map(Object.entries(actions).map(([name, number]) => [number, name as keyof typeof actions]));
/** Bytes of struct fib_rule_hdr. */
const headerLength = 12;
/** Flag of its last four bytes. */
const FIB_RULE_INVERT = 2;
/** Of `suppress_prefixlength`. */
const nothing = 0xFF_FF_FF_FF;
const RTPROT_STATIC = 4;
const RT_TABLE_UNSPEC = 0;

export type Rule = {
	readonly family: Family;
	/** Sources and destinations it is for; default: all. */
	readonly from?: Prefix | undefined;
	readonly to?: Prefix | undefined;
	/** Name of the interface that packets come in by; `lo` for the node's own. */
	readonly interface?: string | undefined;
	readonly mark?: {readonly value: number; readonly mask: number} | undefined;
	/** The table to look in; or else `type`. */
	readonly table?: number | undefined;
	/** What becomes of the packet when no table is asked. */
	readonly type?: Exclude<keyof typeof actions, 'table'> | undefined;
	/** Lower ones are asked first; default: the kernel's choice, before all that were added earlier. */
	readonly priority?: number | undefined;
};

/** What only other programs' rules have is absent from ours. */
export type InstalledRule = Rule & {
	readonly priority: number;
	/** It is for the packets that do not fit. */
	readonly isInverted?: true;
	/** What else it tells packets by, in words. */
	readonly others?: readonly string[];
	/** A route whose prefix is no longer than this counts as none. */
	readonly suppress?: number;
};

/** Equivalent to: `ip rule add [from PREFIX] [to PREFIX] [iif NAME] [fwmark VALUE/MASK] [priority N] table N` */
export function addRule(rtnetlink: Rtnetlink, rule: Rule): void {
	write(rtnetlink, rtm.newRule, flag.create | flag.exclusive, 'new rule', rule);
}

/** What the rule leaves out may be anything: the first that fits goes. Equivalent to: `ip rule del …` */
export function deleteRule(rtnetlink: Rtnetlink, rule: Rule): void {
	write(rtnetlink, rtm.deleteRule, 0, 'delete rule', rule);
}

function write(rtnetlink: Rtnetlink, type: number, flags: number, operation: string, rule: Rule): void {
	rtnetlink.add(type, flags, {operation, object: ruleText(rule)}, request => {
		request.fixed(headerLength, header => {
			header[0] = rule.family === 4 ? AF_INET : AF_INET6;
			header[1] = rule.to?.length ?? 0;
			header[2] = rule.from?.length ?? 0;
			header[4] = RT_TABLE_UNSPEC;
			header[7] = actions[rule.type ?? 'table'];
		});
		for (const [attribute, prefix] of [[fra.to, rule.to], [fra.from, rule.from]] as const) {
			if (prefix && prefix.length > 0) {
				request.attribute(attribute, addressBytes(prefix));
			}
		}

		if (rule.interface !== undefined) {
			request.attribute(fra.interface, rule.interface);
		}

		if (rule.mark) {
			request.attribute(fra.mark, rule.mark.value).attribute(fra.mask, rule.mark.mask);
		}

		if (rule.priority !== undefined) {
			request.attribute(fra.priority, rule.priority);
		}

		if (rule.table !== undefined) {
			request.attribute(fra.table, rule.table);
		}

		if (type === rtm.newRule) {
			request.attribute(fra.protocol, Uint8Array.of(RTPROT_STATIC));
		}
	});
}

/** Rules of a namespace, IPv4 first, in the order in which they are asked. Equivalent to: `ip rule show`, of both families @throws KernelError */
export function listRules(namespace: Namespace): InstalledRule[] {
	return ([4, 6] as const).flatMap(family => dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: rtm.getRule,
		object: 'rules',
		fill(request) {
			request.fixed(headerLength, header => {
				header[0] = family === 4 ? AF_INET : AF_INET6;
			});
		},
		read: payload => readRule(payload, family),
	})).filter(rule => rule !== undefined);
}

/** Undefined for one that does what no rule of ours does (`goto`, `nop`). */
function readRule(payload: Buffer, family: Family): InstalledRule | undefined {
	const action = actionNames.get(payload.readUInt8(7));
	if (!action) {
		return undefined;
	}

	const attributes = new Attributes(payload, headerLength);
	const name = attributes.bytes(fra.interface);
	const mark = attributes.hostNumber(fra.mark);
	const mask = attributes.hostNumber(fra.mask);
	const others = otherWords(attributes, payload.readUInt8(3));
	const suppress = attributes.hostNumber(fra.suppress) ?? nothing;
	return {
		family,
		...prefixIn(attributes, fra.from, payload.readUInt8(2), 'from'),
		...prefixIn(attributes, fra.to, payload.readUInt8(1), 'to'),
		...name.length === 0 ? {} : {interface: name.toString('utf8', 0, name.length - 1)},
		...mark === undefined && mask === undefined ? {} : {mark: {value: mark ?? 0, mask: mask ?? 0xFF_FF_FF_FF}},
		...action === 'table' ? {table: attributes.hostNumber(fra.table) ?? payload.readUInt8(4)} : {type: action},
		priority: attributes.hostNumber(fra.priority) ?? 0,
		...(payload.readUInt32LE(8) & FIB_RULE_INVERT) === 0 ? {} : {isInverted: true},
		...others.length === 0 ? {} : {others},
		...suppress === nothing ? {} : {suppress},
	};
}

function prefixIn<Name extends string>(attributes: Attributes, type: number, length: number, name: Name): {readonly [name in Name]?: Prefix} {
	const bytes = attributes.bytes(type);
	const address: Address | undefined = bytes.length > 0 ? fromBytes(bytes) : undefined;
	return (address ? {[name]: networkOf({address, length})} : {}) as {readonly [name in Name]?: Prefix};
}

/** As `ip rule` words it. */
function ruleText({from, to, interface: name, mark, table, type, priority}: Rule): string {
	return [
		...priority === undefined ? [] : [`priority ${priority}`],
		`from ${from ? formatPrefix(from) : 'all'}`,
		...to ? [`to ${formatPrefix(to)}`] : [],
		...name === undefined ? [] : [`iif ${name}`],
		...mark ? [`fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`] : [],
		...table === undefined ? [] : [`table ${table}`],
		...type === undefined ? [] : [type],
	].join(' ');
}
