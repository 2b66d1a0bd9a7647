/** Pass 6: the host ports of every switch, with what the host behind may send and whether its default is deny. */
import type {GuardedPort} from '../filter-rule.ts';
import type {DeviceEntry} from '../inventory.ts';
import type {Draft} from './draft.ts';
import {remember} from './memo.ts';

export function guardPorts(draft: Draft): Draft {
	const devices = [...draft.inventory.devices.values()];
	const isBound = ({host}: {readonly host: string}): boolean => draft.bound.hosts.has(host);
	return {...draft, guardedOf: new Map(devices.map(device => [device.name, remember(draft.memo.guardedOf, device, () => guardedPorts(device, draft), known =>
		known.every(port => port.bound === isBound(port)))]))};
}

function guardedPorts({hostPorts}: DeviceEntry, {inventory, memo, bound}: Draft): GuardedPort[] {
	return [...hostPorts].map(([port, entry]) => {
		const isBound = bound.hosts.has(entry.host);
		const host = inventory.hosts.get(entry.host);
		return remember(memo.guarded, entry, () => ({
			port,
			...entry,
			allowed: host?.allowedAddresses ?? [],
			bound: isBound,
			lifted: host?.portSecurity === false,
			secured: isBound && host?.portSecurity !== false,
		}), guarded => guarded.bound === isBound);
	});
}
