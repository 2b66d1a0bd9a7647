/** Broadcast addresses are those of the subnets that interfaces have, whatever becomes of these as domains. */
import test from 'ava';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {sketch} from '../helpers/blueprints.ts';

const broadcasts = test.macro({
	exec(t, network: string, expected: readonly string[]) {
		t.deepEqual(inventoryOf(sketch(network)).broadcasts.map(formatAddress), [...expected]);
	},
	title: name => name ?? '',
});

test('the first and the last address of a subnet', broadcasts, 'h1 10.0.2.10/24 -- h2 10.0.2.11/24', ['10.0.2.0', '10.0.2.255']);
test('none of a subnet of two addresses or one, and none of IPv6', broadcasts, 'h1 10.0.2.10/31 -- h2 10.0.2.11/32,fd00::1/64', []);
test('a subnet that is taken apart keeps its own', broadcasts, `
	h1 10.0.2.10/24 -- s1
	h2 10.0.2.11/24 -- s1
	h4 10.0.2.13/16 -- s2
	s1 -- fw 10.0.2.254/24
	s2 -- fw 10.1.2.1/24
`, ['10.0.0.0', '10.0.2.0', '10.0.2.255', '10.0.255.255', '10.1.2.0', '10.1.2.255']);
test('an address that an interface has is its own', broadcasts, `
	h1 10.0.2.9/30 -- s1
	h2 10.0.2.11/24 -- s1
`, ['10.0.2.0', '10.0.2.8', '10.0.2.255']);
