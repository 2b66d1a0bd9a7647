/** Which addresses no single node has. */
import test from 'ava';
import {parseAddress, parseInterfaceAddress} from '../../lib/util/address.ts';
import {specialKind} from '../../lib/util/special-address.ts';

const around = ['10.0.1.1/24', '10.0.2.0/31', '10.0.3.1/32', 'fd01::1/64'].map(parseInterfaceAddress);

const is = test.macro<[address: string, expected: string | undefined]>({
	exec(t, address, expected) {
		t.is(specialKind(parseAddress(address), around), expected);
	},
	title: (_, address, expected) => `${address}: ${expected ?? 'a node may have it'}`,
});

test(is, '0.0.0.0', 'the address of nobody');
test(is, '::', 'the address of nobody');
test(is, '127.0.0.5', 'every node\'s own loopback address');
test(is, '::1', 'every node\'s own loopback address');
test(is, '224.0.0.1', 'a multicast address');
test(is, 'ff02::1', 'a multicast address');
test(is, '255.255.255.255', 'the broadcast address of every subnet');
test(is, '10.0.1.255', 'the broadcast address of a subnet');
for (const address of ['10.0.1.254', '10.0.2.1', '10.0.3.1', '10.0.4.255', 'fd01::ffff:ffff:ffff:ffff', '8.8.8.8']) {
	test(is, address, undefined);
}
