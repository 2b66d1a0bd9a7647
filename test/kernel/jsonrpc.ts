/** JSON-RPC against a server of our own that misbehaves in every way. */
import {rmSync} from 'node:fs';
import {type Server, type Socket, createServer} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {JsonRpc, MessageCutter, RpcError} from '../../lib/kernel/jsonrpc.ts';
import {checkSocketPath} from '../../lib/kernel/unix-socket.ts';
import {startService} from '../../lib/kernel/daemon.ts';
import {unixctl, unixctlAll} from '../../lib/kernel/unixctl.ts';
import {testDirectory} from '../helpers/fabric.ts';

const cuts = test.macro((t, chunks: readonly string[], messages: readonly string[]) => {
	const cutter = new MessageCutter();
	t.deepEqual(chunks.flatMap(chunk => cutter.cut(chunk)), messages);
});

test('two messages in one chunk', cuts, ['{"a":1}{"b":{}}'], ['{"a":1}', '{"b":{}}']);
test('one message in three chunks', cuts, ['{"a', '":{"b":', '2}}'], ['{"a":{"b":2}}']);
test('braces in strings do not count', cuts, ['{"a":"}{"}'], ['{"a":"}{"}']);
test('an escaped quote does not end a string', cuts, ['{"a":"\\"}"}{}'], ['{"a":"\\"}"}', '{}']);
test('a backslash at the end of a string', cuts, ['{"a":"\\\\"}{}'], ['{"a":"\\\\"}', '{}']);
test('an escape cut in two', cuts, ['{"a":"\\', '"}"}'], ['{"a":"\\"}"}']);
test('white space between messages', cuts, ['{}\n {}'], ['{}', '\n {}']);

type Request = {readonly id: number; readonly method: string; readonly params: readonly unknown[]};

async function serve(t: ExecutionContext, answer: (request: Request, socket: Socket) => void): Promise<string> {
	const directory = testDirectory();
	const path = join(directory, 'ovs-vswitchd.ctl');
	const server: Server = createServer(socket => {
		const cutter = new MessageCutter();
		socket.on('data', chunk => {
			for (const text of cutter.cut(String(chunk))) {
				answer(JSON.parse(text) as Request, socket);
			}
		});
	});
	await new Promise<void>(resolve => {
		server.listen(path, resolve);
	});
	t.teardown(() => {
		server.close();
		rmSync(directory, {recursive: true});
	});
	return path;
}

test('answers find their calls in any order', async t => {
	const waiting: Request[] = [];
	const path = await serve(t, (request, socket) => {
		waiting.unshift(request);
		if (waiting.length === 3) {
			socket.write(waiting.map(({id, params}) => JSON.stringify({id, result: params[0], error: null})).join(''));
		}
	});
	const results = await unixctlAll(path, 'f', [['a'], ['b'], ['c']]);
	t.deepEqual(results.map(result => result.status === 'fulfilled' && result.value), ['a', 'b', 'c']);
});

test('many calls go in slices, so that the last one\'s time does not run while it waits for the first', async t => {
	const waiting: Request[] = [];
	let most = 0;
	const path = await serve(t, (request, socket) => {
		waiting.push(request);
		most = Math.max(most, waiting.length);
		if (waiting.length === 1) {
			setTimeout(() => {
				socket.write(waiting.splice(0).map(({id, params}) => JSON.stringify({id, result: params[0], error: null})).join(''));
			}, 20);
		}
	});
	const numbers = Array.from({length: 1000}, (_, index) => String(index));
	const results = await unixctlAll(path, 'f', numbers.map(number => [number]));
	t.deepEqual(results.map(result => result.status === 'fulfilled' && result.value), numbers);
	t.true(most <= 256, String(most));
});

test('many calls have the time they are given', async t => {
	const path = await serve(t, () => undefined);
	const [one] = await unixctlAll(path, 'version', [[]], 50);
	t.like(one, {status: 'rejected', reason: {message: 'ovs-vswitchd did not answer \'version\' within 0.05 s'}});
});

/** A daemon that listens with room for two connections and then does not look for half a second. */
const busy = `require("node:net").createServer().listen({path: process.argv[1], backlog: 1}, () => {
	require("node:fs").writeSync(1, "listening");
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
})`;

test('a daemon too busy to take the connection is asked again', async t => {
	const directory = testDirectory();
	const path = join(directory, 'busy.ctl');
	const service = await startService([process.execPath, '-e', busy, path], /listening/);
	t.teardown(async () => {
		service.stop();
		await service.ended;
		rmSync(directory, {recursive: true});
	});
	const connections = await Promise.all(Array.from({length: 6}, async () => JsonRpc.connect(path, 'busy')));
	for (const connection of connections) {
		connection.close();
	}

	t.is(connections.length, 6);
});

test('a refusal carries the other side\'s words', async t => {
	const path = await serve(t, ({id}, socket) => socket.write(JSON.stringify({id, result: null, error: 'no such bridge\n'})));
	await t.throwsAsync(unixctl(path, 'ofproto/trace', []), {instanceOf: RpcError, message: 'ovs-vswitchd refused \'ofproto/trace\': no such bridge'});
});

test('no answer in time', async t => {
	const path = await serve(t, () => undefined);
	await t.throwsAsync(unixctl(path, 'version', [], 50), {instanceOf: RpcError, message: 'ovs-vswitchd did not answer \'version\' within 0.05 s'});
});

test('a closed connection rejects every call that waits', async t => {
	const path = await serve(t, (_, socket) => socket.destroy());
	const [one, two] = await unixctlAll(path, 'version', [[], []]);
	t.like(one, {status: 'rejected', reason: {message: '\'version\' has no answer: ovs-vswitchd closed the connection'}});
	t.like(two, {status: 'rejected'});
});

test('a call after the end', async t => {
	const path = await serve(t, () => undefined);
	const rpc = await JsonRpc.connect(path, 'peer');
	rpc.close();
	await t.throwsAsync(rpc.call('version', []), {message: 'version: The connection was closed'});
});

test('an echo is answered, a notification is passed on', async t => {
	let echo: (request: unknown) => void = () => undefined;
	const echoed = new Promise(resolve => {
		echo = resolve;
	});
	const path = await serve(t, (request, socket) => {
		if (request.method === 'monitor') {
			socket.write('{"method":"echo","params":["x"],"id":"echo"}{"method":"update","params":[1],"id":null}');
			socket.write(JSON.stringify({id: request.id, result: {}, error: null}));
		} else {
			echo(request);
		}
	});
	using rpc = await JsonRpc.connect(path, 'peer');
	const notifications: unknown[] = [];
	rpc.onNotification = (method, params) => notifications.push([method, params]);
	await rpc.call('monitor', []);
	t.deepEqual(await echoed, {id: 'echo', result: ['x'], error: null});
	t.deepEqual(notifications, [['update', [1]]]);
});

test('what is not JSON-RPC ends the connection', async t => {
	const path = await serve(t, (_, socket) => socket.write('{nonsense}'));
	await t.throwsAsync(unixctl(path, 'version', []), {message: /ovs-vswitchd sent what is not JSON-RPC/});
});

test('nobody listens', async t => {
	await t.throwsAsync(unixctl('/nowhere/ovs-vswitchd.ctl', 'version', []), {instanceOf: RpcError, message: 'ovs-vswitchd does not answer at /nowhere/ovs-vswitchd.ctl: ENOENT'});
});

test('a path too long for a socket is refused with its length', t => {
	t.notThrows(() => {
		checkSocketPath('x'.repeat(107));
	});
	t.throws(() => {
		checkSocketPath('x'.repeat(108));
	}, {message: /108 bytes long/});
});
