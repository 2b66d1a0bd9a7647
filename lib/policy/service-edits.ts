/** Edits of the services: named lists of protocols and ports that rules use. */
import {refuseNone, refuseUsed, without} from './edits.ts';
import {portsOf, servicePortsText} from './listing.ts';
import type {Policy, PortProtocol, ServicePorts} from './model.ts';
import {namesOf, refuseUnlessFree} from './names.ts';
import type {Nodes} from './names.ts';
import {uniteRanges} from './ports.ts';

/** In the order of listings. */
const protocols: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];

/**
Declares a service, or adds ports to one; ports that it has already are passed over.

@throws InputError when the name of a new service is not free, or no ports are given
*/
export function addService(policy: Policy, nodes: Nodes, name: string, ports: readonly ServicePorts[]): Policy {
	refuseNone(ports, 'port', `secrule service add ${name} PROTO/PORTS …`);
	const present = policy.services.get(name);
	if (!present) {
		refuseUnlessFree(namesOf(policy, nodes), 'service', name);
	}

	const next = united([...present ?? [], ...ports]);
	return present && textOf(present) === textOf(next) ? policy : {...policy, services: new Map(policy.services).set(name, next)};
}

/** @throws InputError `unknown-service`, `in-use` */
export function deleteService(policy: Policy, name: string): Policy {
	portsOf(policy, name);
	refuseUsed(policy, 'service', name);
	return {...policy, services: without(policy.services, name)};
}

/** One entry for each protocol. */
function united(ports: readonly ServicePorts[]): ServicePorts[] {
	return protocols
		.map(protocol => ({protocol, dport: uniteRanges(ports.filter(entry => entry.protocol === protocol).flatMap(({dport}) => dport))}))
		.filter(({dport}) => dport.length > 0);
}

function textOf(ports: readonly ServicePorts[]): string {
	return ports.map(servicePortsText).join(' ');
}
