/** Announcements of addresses: what tcpdump's book says they look like, and that a kernel that remembers another MAC believes them. */
import test from 'ava';
import {announce, announcement} from '../../lib/control/announcement.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {checksum} from '../../lib/kernel/icmp.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const mac = '02:00:00:00:00:07';
/** Whose interface the announcement leaves by. */
const router = '02:00:00:00:00:fe';

test('a gratuitous ARP request names the address twice', t => {
	t.is(announcement({address: parseAddress('10.0.0.7'), mac}, router).toString('hex'), 'ffffffffffff' + '0200000000fe' + '0806' + '0001080006040001' + '020000000007' + '0a000007' + '000000000000' + '0a000007');
});

test('an unsolicited advertisement overrides, and its checksum is right', t => {
	const frame = announcement({address: parseAddress('fd10::7'), mac}, router);
	t.is(frame.toString('hex', 0, 14), '333300000001' + '0200000000fe' + '86dd');
	t.is(frame.toString('hex', 54, 56), '8800');
	t.is(frame[58], 0x20);
	// Over a message with its own checksum the sum is 0 (RFC 1071).
	t.is(checksum(Buffer.concat([frame.subarray(22, 54), Buffer.from([0, 0, 0, 32, 0, 0, 0, 58]), frame.subarray(54)])), 0);
});

test.serial('who remembers another MAC takes the new one', async t => {
	const [a, b] = testNamespaces('announcing', 'hearing') as [Namespace, Namespace];
	t.teardown(() => {
		deleteNamespaces([a, b]);
	});
	const ip = async (...words: readonly string[]) => (await run(['ip', ...words])).stdout;
	await ip('-n', a.name, 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'b0', 'netns', b.name);
	await ip('-n', a.name, 'link', 'set', 'a0', 'up');
	await ip('-n', b.name, 'link', 'set', 'b0', 'up');
	await ip('-n', b.name, 'address', 'add', '10.0.0.9/24', 'dev', 'b0');
	await ip('-n', b.name, 'address', 'add', 'fd10::9/64', 'dev', 'b0', 'nodad');
	const remembered = async () => (await ip('-n', b.name, 'neighbor', 'show', 'dev', 'b0')).split('\n').filter(line => / lladdr /.test(line) && !line.startsWith('fe80')).map(line => line.split(' ').slice(0, 3).join(' ')).sort();
	for (const address of ['10.0.0.7', 'fd10::7']) {
		await ip('-n', b.name, 'neighbor', 'add', address, 'lladdr', '02:00:00:00:00:01', 'dev', 'b0', 'nud', 'stale');
	}

	t.deepEqual(await remembered(), ['10.0.0.7 lladdr 02:00:00:00:00:01', 'fd10::7 lladdr 02:00:00:00:00:01']);
	const [{ifindex: index}] = JSON.parse(await ip('-j', '-n', a.name, 'link', 'show', 'a0')) as [{ifindex: number}];
	announce({node: 'a', name: 'a0', namespace: a, index, mac: router, addresses: [], mtu: 1500}, ['10.0.0.7', 'fd10::7'].map(text => ({address: parseAddress(text), mac})));
	t.deepEqual(await remembered(), [`10.0.0.7 lladdr ${mac}`, `fd10::7 lladdr ${mac}`]);
});
