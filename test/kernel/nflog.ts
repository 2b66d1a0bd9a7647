/** Packets that the rules of a real router report. */
import test from 'ava';
import {restore} from '../../lib/kernel/iptables.ts';
import {LogReader} from '../../lib/kernel/nflog.ts';
import {execute} from '../../lib/kernel/process.ts';
import {buildRouter} from '../helpers/router.ts';

const group = 7;
const report = (number: number, prefix: string) => `-A FORWARD -j NFLOG --nflog-group ${number} --nflog-prefix "${prefix}" --nflog-threshold 1`;

test('packets come with their prefix, from the group that is asked for', async t => {
	const {client, router, down} = await buildRouter();
	t.teardown(down);
	await restore(router, 4, ['*filter', report(group, 'secrule:1'), report(group + 1, 'other'), 'COMMIT', ''].join('\n'));
	await restore(router, 6, ['*filter', report(group, 'six'), 'COMMIT', ''].join('\n'));
	const reader = new LogReader(router, group);
	t.teardown(() => {
		reader.close();
	});
	t.deepEqual(reader.read(), []);
	await execute(['ping', '-c1', '-W1', '10.0.2.1'], {namespace: client});
	await execute(['ping', '-c1', '-W1', '-s1000', 'fd02::1'], {namespace: client});
	const packets = reader.read();
	t.deepEqual(packets.map(({prefix}) => prefix), ['secrule:1', 'secrule:1', 'six', 'six']);
	t.deepEqual(packets.map(({packet}) => [packet[0] === 0x45 ? packet[9] : packet[6], packet.length]), [[1, 84], [1, 84], [58, 128], [58, 128]]);
	t.deepEqual(reader.read(), []);
});

test('a group has one reader', async t => {
	const {router, down} = await buildRouter();
	t.teardown(down);
	const reader = new LogReader(router, group);
	t.throws(() => new LogReader(router, group), {code: 'kernel', message: /log group 7 .* EPERM .another program reads it/});
	reader.close();
	new LogReader(router, group).close();
});
