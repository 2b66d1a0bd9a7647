/** One entry of a service in a sentence: `tcp/80`, `udp/{53,5353}`. */
import type {PortProtocol, ServicePorts} from './model.ts';
import type {PortNames} from './port-names.ts';
import {readPorts} from './ports.ts';
import type {Manner, Reader} from './reader.ts';

const manner: Manner = {marks: '/'};
const protocols: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];

/** @param names default: the ports that everybody knows @throws InputError with the column of the mistake, what was expected there and the nearest known words */
export function readServicePorts(reader: Reader, names?: PortNames): ServicePorts {
	const protocol = reader.oneOf(protocols, manner);
	reader.oneOf(['/'], manner);
	return {protocol, dport: readPorts(reader, protocol, names, 1)};
}
