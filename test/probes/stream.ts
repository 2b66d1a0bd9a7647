/** Streams and ping streams in a lab: what a change leaves alone, what it ends, what it loses. */
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {PingStream} from '../../lib/probes/ping-stream.ts';
import {Stream, type StreamOptions} from '../../lib/probes/stream.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {quietFor} from '../helpers/quiet.ts';
import {labOf} from '../helpers/scenario.ts';

const network = `
	h1 10.0.0.1/24,fd00::1/64 -- s1
	h2 10.0.0.2/24,fd00::2/64 -- s1
	h3 10.0.0.3/24,fd00::3/64 -- s1
`;

async function streamOf(t: ExecutionContext, lab: Lab, options: Pick<StreamOptions, 'transport' | 'backwards' | 'family'>): Promise<Stream> {
	const stream = await Stream.open(lab.network, {from: 'h1', to: 'h2', port: 5000, ...options});
	t.teardown(() => {
		stream.close();
	});
	return stream;
}

for (const options of [
	{transport: 'tcp'}, {transport: 'tcp', backwards: true}, {transport: 'udp'}, {transport: 'udp', backwards: true}, {transport: 'tcp', family: 6}, {transport: 'udp', family: 6},
] as const) {
	test.serial(`${JSON.stringify(options)} stays open until its rule goes`, async t => {
		const lab = await labOf(t, new Sketch(network));
		await lab.run('h1 bind app', 'h2 bind web', 'secrule add allow app to web');
		const stream = await streamOf(t, lab, options);
		await lab.run('h3 bind db');
		t.true(await stream.staysOpen());
		t.false(await stream.isCut(0));
		await lab.run('secrule del 1');
		t.true(await stream.isCut());
		t.false(await stream.staysOpen());
	});
}

test.serial('a stream that cannot be is refused', async t => {
	const lab = await labOf(t, new Sketch(network));
	await lab.run('secrule add deny h1 to h2');
	await t.throwsAsync(streamOf(t, lab, {transport: 'tcp'}), {code: 'stream', message: /No tcp connection from h1 to h2 port 5000/});
});

test.serial('until its first answer a stream asks five times a second, no more', async t => {
	const lab = await labOf(t, new Sketch(network));
	await lab.run('secrule add deny h1 to h2');
	await t.throwsAsync(streamOf(t, lab, {transport: 'udp'}), {code: 'stream'});
	const asked = (await lab.hits()).get(1) ?? 0;
	t.true(asked >= 1 && asked <= 11, String(asked));
});

test.serial('a ping stream counts what is answered, and what only arrives', async t => {
	const lab = await labOf(t, new Sketch(network));
	const count = async (work: () => Promise<unknown>) => {
		const ping = await PingStream.open(lab.network, {from: 'h1', to: 'h2'});
		await work();
		await quietFor(100);
		return ping.stop();
	};

	const open = await count(async () => lab.run('h3 bind db'));
	t.true(open.sent > 5 && open.answered === open.sent && open.arrived === open.sent, JSON.stringify(open));
	await lab.run('secrule add deny h1 to h2');
	const closed = await count(async () => lab.run('h3 unbind db'));
	t.true(closed.sent > 5 && closed.answered === 0 && closed.arrived === 0, JSON.stringify(closed));
});
