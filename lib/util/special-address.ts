/** Addresses that are no single node's: of everybody, of a group, of whoever asks, of nobody. */
import {type Address, type InterfaceAddress, contains, lastOf, networkOf, parsePrefix, sameAddress} from './address.ts';

/** RFC 6890, RFC 4291. */
const kinds = [
	['0.0.0.0/32', 'the address of nobody'],
	['::/128', 'the address of nobody'],
	['127.0.0.0/8', 'every node\'s own loopback address'],
	['::1/128', 'every node\'s own loopback address'],
	['224.0.0.0/4', 'a multicast address'],
	['ff00::/8', 'a multicast address'],
	['255.255.255.255/32', 'the broadcast address of every subnet'],
].map(([prefix = '', text]) => ({prefix: parsePrefix(prefix), text}));
/** Longer ones have no room for a broadcast address (RFC 3021). */
const longestWithBroadcast = 30;

/** What it is, in words; undefined for one that a single node may have. @param around addresses of interfaces, for the broadcast addresses of their subnets */
export function specialKind(address: Address, around: readonly InterfaceAddress[]): string | undefined {
	const isBroadcast = around.some(each => each.address.family === 4 && each.length <= longestWithBroadcast && !sameAddress(each.address, address) && contains(networkOf(each), address) && lastOf(networkOf(each)) === address.value);
	return kinds.find(({prefix}) => contains(prefix, address))?.text ?? (isBroadcast ? 'the broadcast address of a subnet' : undefined);
}
