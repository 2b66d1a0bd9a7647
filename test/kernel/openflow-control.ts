/** The control socket of a real daemon, and of one of our own that tells what came on which connection. */
import {rmSync} from 'node:fs';
import {once} from 'node:events';
import {type Server, createServer} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {MessageCutter, RpcError} from '../../lib/kernel/jsonrpc.ts';
import {SwitchControl} from '../../lib/kernel/openflow-control.ts';
import {testDirectory} from '../helpers/fabric.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

test('what is asked is answered in order, expected or not', async t => {
	const control = new SwitchControl(oracle.bridge);
	for (const isExpected of [false, true, true]) {
		if (isExpected) {
			control.expect();
		}

		const [version, none, list] = await control.ask(['version', 'revalidator/purge', 'list-commands']);
		t.regex(version ?? '', /Open vSwitch/);
		t.is(none, '');
		t.regex(list ?? '', /dpctl\/dump-conntrack/);
	}

	control.expect();
	await t.throwsAsync(control.ask(['no/such']), {instanceOf: RpcError, message: /no\/such/});
});

type Call = {readonly connection: number; readonly method: string; readonly answer: (error?: string) => void};

/** A daemon that answers what the test wants answered. */
async function pretend(t: ExecutionContext): Promise<{control: SwitchControl; calls: Call[]; next: () => Promise<unknown>; server: Server}> {
	const runDirectory = testDirectory();
	const calls: Call[] = [];
	let connections = 0;
	const server = createServer(socket => {
		const cutter = new MessageCutter();
		const connection = ++connections;
		socket.on('close', () => server.emit('left'));
		socket.on('data', chunk => {
			for (const text of cutter.cut(String(chunk))) {
				const {id, method} = JSON.parse(text) as {id: number; method: string};
				calls.push({connection, method, answer: error => socket.write(JSON.stringify({id, result: error === undefined ? '' : null, error: error ?? null}))});
			}

			server.emit('called');
		});
	});
	await new Promise<void>(resolve => {
		server.listen(join(runDirectory, 'ovs-vswitchd.ctl'), resolve);
	});
	t.teardown(() => {
		server.close();
		rmSync(runDirectory, {recursive: true});
	});
	return {control: new SwitchControl({runDirectory}), calls, next: async () => once(server, 'called'), server};
}

const heard = (calls: readonly Call[]) => calls.map(({connection, method}) => `${connection} ${method}`);
const busy = Array.from({length: 3}, () => '1 dpctl/ct-get-nconns');

test('a daemon that expects to be asked is asked where it is busy', async t => {
	const {control, calls, next} = await pretend(t);
	control.expect();
	control.expect();
	await next();
	t.deepEqual(heard(calls), busy);
	const asked = next();
	const answers = control.ask(['a', 'b']);
	await asked;
	t.deepEqual(heard(calls), [...busy, '1 a', '1 b']);
	calls.forEach(({answer}, index) => {
		answer(index === 0 ? 'not supported' : undefined);
	});
	t.deepEqual(await answers, ['', '']);
});

test('a daemon that is no longer busy is asked anew, and nothing stays open', async t => {
	const {control, calls, next, server} = await pretend(t);
	control.expect();
	await next();
	const left = once(server, 'left');
	calls.splice(0).forEach(({answer}) => {
		answer();
	});
	await left;
	const asked = next();
	const answers = control.ask(['a']);
	await asked;
	t.deepEqual(heard(calls), ['2 a']);
	calls[0]?.answer();
	t.deepEqual(await answers, ['']);
});

test('a daemon that is not there is expected in vain, and refuses who asks', async t => {
	const {control, server} = await pretend(t);
	server.close();
	await once(server, 'close');
	control.expect();
	await t.throwsAsync(control.ask(['a']), {instanceOf: RpcError, message: /^ovs-vswitchd does not answer at /});
	control.expect();
	await t.throwsAsync(control.ask(['a']), {instanceOf: RpcError});
});
