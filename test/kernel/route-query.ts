/** What the kernel answers about one packet's way is what `ip route get` says, and listed addresses are what `ip address` shows. */
import test from 'ava';
import {listAddresses} from '../../lib/kernel/address.ts';
import {interfaceIndex, interfaceName} from '../../lib/kernel/interface-index.ts';
import {run} from '../../lib/kernel/process.ts';
import {queryRoute} from '../../lib/kernel/route-query.ts';
import {formatAddress, formatInterfaceAddress, parseAddress} from '../../lib/util/address.ts';
import {buildRouter} from '../helpers/router.ts';

test('addresses of every interface, of both families', async t => {
	const {router, down} = await buildRouter();
	t.teardown(down);
	await run(['ip', 'address', 'add', '10.7.0.1', 'peer', '10.7.0.2/31', 'dev', 'lo'], {namespace: router});
	const {stdout} = await run(['ip', '-o', 'address', 'show'], {namespace: router});
	const shown = [...stdout.matchAll(/^\d+: (\S+) +inet6? (\S+)(?: peer \S+?(\/\d+))?/gm)].map(([, name = '', address = '', length = '']) => `${name} ${address}${length}`);
	t.deepEqual(listAddresses(router).map(each => `${interfaceName(router, each.interface)} ${formatInterfaceAddress(each)}`).sort(), shown.sort());
	t.true(shown.length > 3);
});

test('of several next hops the one of the flow; nothing where the kernel refuses', async t => {
	const {router, down} = await buildRouter();
	t.teardown(down);
	await run(['ip', 'route', 'add', '10.9.0.0/24', 'nexthop', 'via', '10.0.1.1', 'nexthop', 'via', '10.0.2.1'], {namespace: router});
	await run(['ip', 'route', 'add', 'unreachable', '10.8.0.0/24'], {namespace: router});
	const names = new Set<string>();
	for (let last = 1; last < 12; last++) {
		const {stdout} = await run(['ip', 'route', 'get', `10.9.0.${last}`, 'ipproto', 'icmp'], {namespace: router});
		const hop = queryRoute(router, {to: parseAddress(`10.9.0.${last}`)});
		const name = interfaceName(router, hop?.interface ?? 0);
		names.add(name);
		t.true(stdout.includes(`via ${hop?.via ? formatAddress(hop.via) : ''} dev ${name} `), stdout);
	}

	t.is(names.size, 2);
	t.not(queryRoute(router, {to: parseAddress('10.9.0.1'), from: parseAddress('10.0.1.1'), arrival: interfaceIndex(router, 'r1')}), undefined);
	t.is(queryRoute(router, {to: parseAddress('10.8.0.1'), from: parseAddress('10.0.1.1'), arrival: interfaceIndex(router, 'r1')}), undefined);
	t.is(queryRoute(router, {to: parseAddress('10.8.0.1')}), undefined);
});
