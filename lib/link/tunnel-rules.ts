/** What packets of tunnels meet in a node: TCP is told the segment size that fits, and VXLAN comes from its own endpoints only. */
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
};

/**
What was said before is replaced.

Segments: the first packets of a TCP connection that is forwarded by a narrow interface name no segment larger than the route's MTU allows (RFC 879, RFC 4459 section 3.2): hosts believe they are on one link, and nothing has to be cut
or refused. VXLAN: its packets name no sender but in the outer header, so whoever reaches the port would be in the network (RFC 7348, section 7).

@throws RulesError, MachineError `missing-program`
*/
export async function setTunnelRules(namespace: Namespace, {narrow, vxlan}: TunnelRules): Promise<void> {
	const rules = [...narrow.length === 0 ? [] : segmentRules(narrow), ...vxlan.size === 0 ? [] : senderRules(vxlan)];
	await changeTables(namespace, [`add table ${table}`, `delete table ${table}`, ...rules.length === 0 ? [] : [`add table ${table}`, ...rules]]);
}

function segmentRules(narrow: readonly string[]): string[] {
	return [
		`add chain ${table} forward { type filter hook forward priority mangle; policy accept; }`,
		`add rule ${table} forward oifname { ${narrow.map(name => `"${name}"`).join(', ')} } tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
	];
}

function senderRules(vxlan: ReadonlyMap<number, readonly Address[]>): string[] {
	return [
		`add chain ${table} input { type filter hook input priority raw; policy accept; }`,
		...[...vxlan].map(([port, peers]) => `add rule ${table} input udp dport ${port} ip saddr != { ${[...new Set(peers.map(formatAddress))].join(', ')} } drop`),
	];
}
