/** The number of an interface in its namespace, and the name that goes with a number. */
import {askInterface, ifreqValue} from './interface-request.ts';
import type {Namespace} from './namespace.ts';

/** Numbers of linux/sockios.h. */
const SIOCGIFINDEX = 0x89_33;
const SIOCGIFNAME = 0x89_10;

/**
Equivalent to: `cat /sys/class/net/NAME/ifindex` in the namespace

@throws KernelError ENODEV when there is none of this name
*/
export function interfaceIndex(namespace: Namespace, name: string): number {
	return askInterface(namespace, SIOCGIFINDEX, name, request => request.write(name, 0)).readInt32LE(ifreqValue);
}

/**
Equivalent to: `ip link show`, the name behind `INDEX:`

@throws KernelError ENODEV when there is none of this index
*/
export function interfaceName(namespace: Namespace, index: number): string {
	const answer = askInterface(namespace, SIOCGIFNAME, `interface ${index}`, request => request.writeInt32LE(index, ifreqValue));
	return answer.toString('utf8', 0, answer.indexOf(0));
}
