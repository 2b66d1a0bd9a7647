/** What packets of tunnels meet in a node: TCP is told the segment size that fits, and what a tunnel carries comes from its other ends only. */
import type {Namespace} from '../kernel/namespace.ts';
import {changeTables} from '../kernel/nftables.ts';
import {type Address, formatAddress} from '../util/address.ts';

/** The table is only for this. */
const table = 'inet securenet-tunnels';

export type TunnelRules = {
	/** Interfaces with less room than the network around them, of a router that forwards into them. */
	readonly narrow: readonly string[];
	/** Who may send to the UDP ports of VXLAN. */
	readonly vxlan: ReadonlyMap<number, readonly Address[]>;
	/** Interfaces by which no packet of another end can come, whatever way it takes. */
	readonly strays: ReadonlyArray<{/** UDP port of a VXLAN; GRE has none. */ readonly port: number | undefined; readonly sender: Address; readonly interfaces: readonly string[]}>;
};

/**
Segments: the first packets of a TCP connection that is forwarded by a narrow interface name no segment larger than the route's MTU allows (RFC 879, RFC 4459 section 3.2): hosts believe they are on one link, and nothing has to be cut
or refused. Senders: the packets of a tunnel name nobody but in the outer header, so whoever can write that would be in the network (RFC 7348, section 7; RFC 2784, section 6). From another end they come by interfaces that lead to it.
*/
export function tunnelRuleTexts({narrow, vxlan, strays}: TunnelRules): string[] {
	const input = [...senderRules(vxlan), ...strayRules(strays)];
	return [
		...narrow.length === 0 ? [] : segmentRules(narrow),
		...input.length === 0 ? [] : [`add chain ${table} input { type filter hook input priority raw; policy accept; }`, ...input],
	];
}

/** What was said before is replaced. @throws RulesError, MachineError `missing-program` */
export async function setTunnelRules(namespace: Namespace, rules: readonly string[]): Promise<void> {
	await changeTables(namespace, [`add table ${table}`, `delete table ${table}`, ...rules.length === 0 ? [] : [`add table ${table}`, ...rules]]);
}

function segmentRules(narrow: readonly string[]): string[] {
	return [
		`add chain ${table} forward { type filter hook forward priority mangle; policy accept; }`,
		`add rule ${table} forward oifname { ${narrow.map(name => `"${name}"`).join(', ')} } tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
	];
}

function senderRules(vxlan: ReadonlyMap<number, readonly Address[]>): string[] {
	return [...vxlan].map(([port, peers]) => `add rule ${table} input udp dport ${port} ip saddr != { ${[...new Set(peers.map(formatAddress))].join(', ')} } drop`);
}

function strayRules(strays: TunnelRules['strays']): string[] {
	return strays.filter(({interfaces}) => interfaces.length > 0)
		.map(({port, sender, interfaces}) => `add rule ${table} input ${port === undefined ? 'ip protocol gre' : `udp dport ${port}`} ip saddr ${formatAddress(sender)} iifname { ${interfaces.map(name => `"${name}"`).join(', ')} } drop`);
}
