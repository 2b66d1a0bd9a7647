/** TCP through tunnels: connections that a router forwards into one are told the segment size that fits, so that nothing has to be cut or refused. */
import type {Namespace} from '../kernel/namespace.ts';
import {changeTables} from '../kernel/nftables.ts';

/** The table is only for this. */
const table = 'inet securenet-mss';

/**
What a router forwards by these interfaces: the first packets of a TCP connection name no segment larger than the route's MTU allows (RFC 879, RFC 4459 section 3.2).
What was said before is replaced.

@throws RulesError, MachineError `missing-program`
*/
export async function clampSegments(router: Namespace, interfaces: readonly string[]): Promise<void> {
	await changeTables(router, [
		`add table ${table}`,
		`delete table ${table}`,
		...interfaces.length === 0 ? [] : [
			`add table ${table}`,
			`add chain ${table} forward { type filter hook forward priority mangle; policy accept; }`,
			`add rule ${table} forward oifname { ${interfaces.map(name => `"${name}"`).join(', ')} } tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
		],
	]);
}
