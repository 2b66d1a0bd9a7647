/** Neighbours that are told are what `ip neighbor` shows and what is listed; learned ones are listed too; proxies are told from those made by hand. */
import test from 'ava';
import {interfaceIndex} from '../../lib/kernel/interface-index.ts';
import {addNeighbor, addProxy, deleteNeighbor, deleteProxy, listNeighbors, listProxies} from '../../lib/kernel/neighbor.ts';
import {run} from '../../lib/kernel/process.ts';
import {Rtnetlink} from '../../lib/kernel/rtnetlink.ts';
import {formatAddress, parseAddress} from '../../lib/util/address.ts';
import {buildRouter, pings} from '../helpers/router.ts';

const {router, down} = await buildRouter();
test.after.always(down);
const index = interfaceIndex(router, 'r1');

const listed = () => listNeighbors(router).filter(each => each.interface === index).map(({address, mac, state}) => [formatAddress(address), mac, state]);

for (const address of ['10.0.1.77', 'fd01::77']) {
	test.serial(`a permanent neighbour: ${address}`, async t => {
		using rtnetlink = new Rtnetlink(router);
		addNeighbor(rtnetlink, index, parseAddress(address), '02:00:00:00:00:77');
		rtnetlink.flush();
		const {stdout} = await run(['ip', 'neighbor', 'show', address], {namespace: router});
		t.is(stdout.trim(), `${address} dev r1 lladdr 02:00:00:00:00:77 PERMANENT`);
		t.deepEqual(listed().filter(([each]) => each === address), [[address, '02:00:00:00:00:77', 'permanent']]);
		deleteNeighbor(rtnetlink, index, parseAddress(address));
		rtnetlink.flush();
		t.deepEqual(listed().filter(([each]) => each === address), []);
	});
}

test.serial('a learned neighbour has the MAC that answered, one asked for in vain has none', async t => {
	t.true(await pings(router, '10.0.1.1'));
	await pings(router, '10.0.1.99');
	const [, mac] = listed().find(([address]) => address === '10.0.1.1') ?? [];
	t.regex(mac ?? '', /^(?:[\da-f]{2}:){5}[\da-f]{2}$/);
	const [, none, state] = listed().find(([address]) => address === '10.0.1.99') ?? [];
	t.is(none, undefined);
	t.regex(state ?? '', /incomplete|failed/);
});

test.serial('proxies of ours are listed, those made by hand are not', async t => {
	await run(['ip', 'neighbor', 'add', 'proxy', 'fd02::5', 'dev', 'r1'], {namespace: router});
	using rtnetlink = new Rtnetlink(router);
	const proxy = {address: parseAddress('fd02::1'), interface: index};
	addProxy(rtnetlink, proxy);
	rtnetlink.flush();
	t.deepEqual(listProxies(router), [proxy]);
	const shown = async () => (await run(['ip', '-6', 'neighbor', 'show', 'proxy'], {namespace: router})).stdout;
	t.regex(await shown(), /fd02::1 dev r1 proxy/);
	deleteProxy(rtnetlink, proxy);
	rtnetlink.flush();
	t.deepEqual(listProxies(router), []);
	t.regex(await shown(), /fd02::5 dev r1 proxy/);
	t.notRegex(await shown(), /fd02::1 dev/);
});
