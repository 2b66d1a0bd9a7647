/** How next hops are reached: by the longest prefix that somebody else than BGP gave. */
import test from 'ava';
import {wayTo} from '../../lib/control/next-hop.ts';
import {type InstalledRoute, mainTable, routeProtocols} from '../../lib/kernel/route.ts';
import {formatAddress, parseAddress, parsePrefix} from '../../lib/util/address.ts';

function route(to: string, rest: Partial<InstalledRoute>): InstalledRoute {
	return {to: parsePrefix(to), table: mainTable, protocol: routeProtocols.static, ...rest};
}

const via = parseAddress('10.1.0.2');
const table: readonly InstalledRoute[] = [
	route('0.0.0.0/0', {via: parseAddress('10.9.0.1'), interface: 9}),
	route('10.1.0.0/24', {interface: 1, protocol: routeProtocols.kernel}),
	route('10.2.0.0/16', {via, interface: 1}),
	route('10.2.3.0/24', {via: parseAddress('10.1.0.3'), interface: 1, metric: 20}),
	route('10.2.3.0/24', {via: parseAddress('10.1.0.4'), interface: 1, metric: 10}),
	route('10.2.4.0/24', {type: 'blackhole'}),
	route('10.2.5.5/32', {via: parseAddress('10.1.0.9'), interface: 1, protocol: routeProtocols.bgp}),
	route('10.6.0.0/16', {nextHops: [{via: parseAddress('10.1.0.6'), interface: 6}, {via, interface: 1}]}),
	route('fd01::/64', {interface: 3, protocol: routeProtocols.kernel}),
];

const goes = test.macro<[address: string, way: string]>({
	exec(t, address, way) {
		const found = wayTo(parseAddress(address), table);
		t.is(found ? `via ${formatAddress(found.via)} dev ${found.interface}` : 'nowhere', way);
	},
	title: (_, address, way) => `${address}: ${way}`,
});

test(goes, '10.1.0.7', 'via 10.1.0.7 dev 1');
test(goes, '10.2.9.9', 'via 10.1.0.2 dev 1');
test(goes, '10.2.3.3', 'via 10.1.0.4 dev 1');
test(goes, '10.2.4.4', 'nowhere');
test(goes, '10.2.5.5', 'via 10.1.0.2 dev 1');
test(goes, '10.6.0.1', 'via 10.1.0.6 dev 6');
test(goes, '11.0.0.1', 'via 10.9.0.1 dev 9');
test(goes, 'fd01::5', 'via fd01::5 dev 3');
test(goes, 'fd02::5', 'nowhere');
