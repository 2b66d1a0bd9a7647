/** The private Open vSwitch: its start, its end, its accidents. */
import {existsSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import anyTest, {type TestFn} from 'ava';
import {type RunningProgram, isAlive} from '../../lib/kernel/daemon.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {Ovsdb} from '../../lib/kernel/ovsdb.ts';
import {run} from '../../lib/kernel/process.ts';
import {unixctl} from '../../lib/kernel/unixctl.ts';
import {startOpenVswitch} from '../../lib/network/open-vswitch.ts';
import {testDirectory, testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<{namespace: Namespace; directory: string; started: RunningProgram[]}>;

test.beforeEach(t => {
	const [namespace] = testNamespaces('fabric') as [Namespace];
	t.context = {namespace, directory: testDirectory(), started: []};
});
test.afterEach.always(t => {
	const {namespace, directory, started} = t.context;
	for (const {pid, startTime} of started) {
		if (isAlive(pid, startTime)) {
			process.kill(pid, 'SIGKILL');
		}
	}

	deleteNamespaces([namespace]);
	rmSync(directory, {recursive: true});
});

function place({namespace, directory, started}: {namespace: Namespace; directory: string; started: RunningProgram[]}) {
	return {namespace, directory, onStart: (program: RunningProgram) => started.push(program)};
}

test('both daemons run in the namespace with all their files in the directory, and end', async t => {
	const {namespace, directory, started} = t.context;
	const openVswitch = await startOpenVswitch(place(t.context));
	t.is(started.length, 2);
	for (const {pid, startTime} of started) {
		t.true(isAlive(pid, startTime));
		t.is((await run(['ip', 'netns', 'identify', `${pid}`])).stdout.trim(), namespace.name);
	}

	for (const file of ['conf.db', 'db.sock', 'ovsdb-server.ctl', 'ovs-vswitchd.ctl', 'ovsdb-server.log', 'ovs-vswitchd.log']) {
		t.true(existsSync(join(directory, file)), file);
	}

	t.regex(await unixctl(join(directory, 'ovs-vswitchd.ctl'), 'version', []), /Open vSwitch/);
	t.is((await run(['ovs-vsctl', `--db=unix:${openVswitch.database}`, 'list-br'])).stdout, '');
	await openVswitch.stop();
	await openVswitch.stop();
	t.deepEqual(started.filter(({pid, startTime}) => isAlive(pid, startTime)), []);
});

test('a daemon that dies is told with the end of its log', async t => {
	const {started} = t.context;
	const openVswitch = await startOpenVswitch(place(t.context));
	process.kill(started[1]?.pid ?? 0, 'SIGKILL');
	const error = await openVswitch.died;
	t.regex(error.message, /^ovs-vswitchd ended unexpectedly \(SIGKILL\)\. The end of its log .*ovs-vswitchd\.log:\n.*\|/);
	await openVswitch.stop();
});

test('a directory that cannot be used is told with the daemon\'s words', async t => {
	const {directory} = t.context;
	await t.throwsAsync(startOpenVswitch({...place(t.context), directory: join(directory, 'none')}), {code: 'ENOENT'});
	await t.throwsAsync(startOpenVswitch({...place(t.context), directory: join(directory, 'x'.repeat(100))}), {code: 'socket-path'});
});

test('the database is one that Open vSwitch\'s own tools accept', async t => {
	const {directory} = t.context;
	const openVswitch = await startOpenVswitch(place(t.context));
	await openVswitch.stop();
	t.regex((await run(['ovsdb-tool', 'show-log', join(directory, 'conf.db')])).stdout, /record 0: "Open_vSwitch" schema.*\n\nrecord 1: .*"securenet"/);
	t.false(readFileSync(join(directory, 'ovsdb-server.log'), 'utf8').includes('|ERR|'));
});

test('a connection ends when the server does', async t => {
	const openVswitch = await startOpenVswitch(place(t.context));
	const ovsdb = await Ovsdb.connect(openVswitch.database);
	const change = ovsdb.addBridges([{name: 's1', datapathType: 'netdev', failMode: 'secure'}]);
	const failed = t.throwsAsync(change, {message: /ovsdb-server closed the connection/});
	await openVswitch.stop();
	await failed;
});
