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

test('a flood is read in portions, and what the kernel had to drop is counted', async t => {
	const {client, router, down} = await buildRouter();
	t.teardown(down);
	await restore(router, 4, ['*filter', report(group, 'flood'), 'COMMIT', ''].join('\n'));
	const reader = new LogReader(router, group);
	t.teardown(() => {
		reader.close();
	});
	const {stdout} = await execute(['ping', '-qf', '-c8000', '10.0.2.1'], {namespace: client});
	const [, sent, received] = (/(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? []).map(Number);
	t.is(received, sent, 'nothing but reports was dropped');
	const portions = [...portionsOf(reader)];
	t.deepEqual([...new Set(portions.slice(0, -1))], [100]);
	t.is(reader.lost, 0, 'what comes next tells');
	await execute(['ping', '-c1', '10.0.2.1'], {namespace: client});
	const last = reader.read().length;
	t.true(reader.lost > 0);
	t.is(portions.reduce((sum, portion) => sum + portion, 0) + last + reader.lost, ((sent ?? 0) * 2) + 2);
});

function* portionsOf(reader: LogReader): Generator<number> {
	for (let {length} = reader.read(100); length > 0; length = reader.read(100).length) {
		yield length;
	}
}

test('a group has one reader', async t => {
	const {router, down} = await buildRouter();
	t.teardown(down);
	const reader = new LogReader(router, group);
	t.throws(() => new LogReader(router, group), {code: 'kernel', message: /log group 7 .* EPERM .another program reads it/});
	reader.close();
	new LogReader(router, group).close();
});
