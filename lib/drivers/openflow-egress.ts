/** The last stage before the learning switch: what a secured port may receive, however it was permitted. */
import {formatAddress, formatPrefix, prefixOf} from '../util/address.ts';
import type {Address} from '../util/address.ts';
import type {DevicePlan, GuardedPort} from '../policy/filter-rule.ts';
import {remember} from '../policy/passes/memo.ts';
import {dhcpClient} from './dhcp.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {matchPrefix} from './openflow-classes.ts';
import {ownPrefixes} from './openflow-ports.ts';
import {priority, table} from './pipeline.ts';

const toMany = 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00';
const toUnsecured = `goto_table:${table.other}`;

/**
The policy judges a packet by its IP address, a host takes it by its MAC: a secured port gets only what is meant for an address that it is judged by.
A packet for one address in a frame to many goes to the secured host that has the address and to no other. ARP is not touched.
*/
export function egressFlows({guarded}: DevicePlan): Flow[] {
	const secured = guarded.filter(port => port.secured);
	return secured.length === 0 ? [] : [
		...dhcpClient.map(match => makeFlow(table.forward, priority.first, `${match},${toMany}`, toUnsecured, 'no secured port has a DHCP server')),
		makeFlow(table.forward, priority.high, 'ipv6,ipv6_dst=ff00::/8', 'NORMAL', 'neighbour discovery is for everybody'),
		...secured.flatMap(port => remember(flowsOf, port, () => receiverFlows(port))),
		...['ip', 'ipv6'].map(match => makeFlow(table.forward, priority.low, `${match},${toMany}`, toUnsecured, 'one address in a frame to many: to no other secured port')),
	];
}

/** As for what a port may send: the same object, the same flows. */
const flowsOf = new WeakMap<GuardedPort, readonly Flow[]>();

function receiverFlows(guarded: GuardedPort): Flow[] {
	const {port, mac, host, addresses} = guarded;
	const toHost = `dl_dst=${mac}`;
	return [
		...dhcpClient.map(match => makeFlow(table.forward, priority.first, `${match},${toHost}`, 'drop', `port security: ${host} is no DHCP server`)),
		...ownPrefixes(guarded).map(prefix => makeFlow(table.forward, priority.middle, `${toHost},${matchPrefix('destination', prefix)}`, 'NORMAL', `to ${host}: own address ${formatPrefix(prefix)}`)),
		...['ip', 'ipv6'].map(match => makeFlow(table.forward, priority.low, `${toHost},${match}`, 'drop', `port security: not an address of ${host}`)),
		...addresses.map(address => flowToMany(address, port, host)),
	];
}

/** What is not here may be behind a port that is not secured, such as one to another switch. */
function flowToMany(address: Address, port: number, host: string): Flow {
	return makeFlow(table.forward, priority.middle, `${toMany},${matchPrefix('destination', prefixOf(address))}`, `output:${port},${toUnsecured}`, `to ${host} in a frame to many: own address ${formatAddress(address)}`);
}
