/** What a line that changes the policy has to tell when no packet will meet it: nothing in the lab enforces rules, or nothing around the host that it names. */
import type {Lab} from '../lab.ts';
import type {DeviceEntry} from '../policy/inventory.ts';
import {type FirewallName, firewalls} from '../topology/firewalls.ts';
import {sortNames} from '../util/names.ts';

type Place = Pick<Lab, 'inventory' | 'network'>;

const bridgeFirewall: FirewallName = firewalls.bridge[0];

/** Of a line about all hosts; empty when something enforces rules. */
export function labWarnings(lab: Place): readonly string[] {
	return lab.inventory.devices.size > 0 ? [] : [`No switch, bridge or router of this lab enforces rules, so no packet is judged. ${cureOf(lab)}`];
}

/** Of a line about one host; empty when something enforces rules between it and others. A host without a link is guarded or not when it gets one. */
export function hostWarnings(lab: Place, host: string): readonly string[] {
	const {devices, hosts} = lab.inventory;
	if (devices.size === 0) {
		return labWarnings(lab);
	}

	const isLinked = (hosts.get(host)?.attachments.length ?? 0) > 0;
	const isGuarded = [...devices.values()].some(device => guards(device, host, hosts.keys()));
	return isLinked && !isGuarded ? [`No switch, bridge or router around ${host} enforces rules, so none of its packets is judged. Those that do: ${sortNames(devices.keys()).join(', ')}. Link it to one of them. ${cureOf(lab)}`] : [];
}

/** At its own port, towards the outside, or between it and another host. */
function guards({kind, hostPorts, partOf}: DeviceEntry, host: string, others: Iterable<string>): boolean {
	const part = partOf.get(host);
	if (part === undefined) {
		return false;
	}

	const isAtPort = [...hostPorts.values()].some(port => port.host === host);
	return isAtPort || kind === 'perimeter' || [...others].some(other => other !== host && partOf.has(other) && (part < 0 || partOf.get(other) !== part));
}

/** What the user can write, of nodes that could enforce rules and do not. */
function cureOf({network: {nodes}, inventory: {devices}}: Place): string {
	const firstOf = (kind: 'bridge' | 'router') => [...nodes.values()].find(node => node.kind === kind && !devices.has(node.name))?.name;
	const [bridge, router] = [firstOf('bridge'), firstOf('router')];
	const forms = [...bridge === undefined ? [] : [`addBridge('${bridge}', {firewall: '${bridgeFirewall}'})`], ...router === undefined ? [] : [`addRouter('${router}', {perimeter: true})`]];
	if (forms.length === 0) {
		return 'Link hosts by a switch in the topology: addSwitch(\'s1\').';
	}

	return `${bridge === undefined ? 'Give' : `Start the lab with --firewall ${bridgeFirewall}, or give`} one a firewall in the topology: ${forms.join(' or ')}.`;
}
