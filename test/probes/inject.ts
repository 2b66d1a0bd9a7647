/** Frames just as they are, and the errors that come back. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import {arpRequest, ipFrame} from '../../lib/probes/frame.ts';
import {injectAll} from '../../lib/probes/inject.ts';
import {udp} from '../../lib/probes/packet.ts';
import {errorReturns} from '../../lib/probes/related.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {labOf} from '../helpers/scenario.ts';

const network = 'h1 10.0.0.1/24,fd00::1/64 -- s1\nh2 10.0.0.2/24,fd00::2/64 -- s1\nh3 10.0.0.3/24,fd00::3/64 -- s1';

function own(lab: Lab, host: string) {
	return {mac: lab.node(host).interfaces[0]?.mac ?? '', address: parseAddress(lab.node(host).address ?? '')};
}

test.serial('each frame has its own outcome, and a frame for another host has not arrived', async t => {
	const lab = await labOf(t, new Sketch(network));
	const [h1, h2, h3] = ['h1', 'h2', 'h3'].map(host => own(lab, host));
	if (!h1 || !h2 || !h3) {
		throw new Error('three hosts');
	}

	await lab.run('h1 bind web', 'secrule add allow any to any');
	const frames = [
		{from: 'h1', to: 'h2', frame: ipFrame(h1, h2, udp([1, 9]))},
		{from: 'h1', to: 'h2', frame: ipFrame({...h1, mac: '02:00:00:00:00:77'}, h2, udp([2, 9]))},
		{from: 'h2', to: 'h3', frame: ipFrame(h2, h1, udp([3, 9]))},
		{from: 'h2', to: 'h3', frame: arpRequest(h2, h1.address)},
	];
	const outcomes = await injectAll(lab.network, frames, 400);
	t.deepEqual(outcomes.map(({verdict}) => verdict), ['allowed', 'blocked', 'blocked', 'allowed']);
});

test.serial('a frame that cannot leave has failed', async t => {
	const lab = await labOf(t, new Sketch(network));
	const frame = ipFrame(own(lab, 'h1'), own(lab, 'h2'), udp([1, 9]));
	await lab.node('h1').run`ip link set h1-eth0 down`;
	t.like((await injectAll(lab.network, [{from: 'h1', to: 'h2', frame}], 100))[0], {verdict: 'failed', reason: 'h1 could not send: ENETDOWN'});
});

for (const family of [4, 6] as const) {
	test.serial(`IPv${family}: the error of an allowed flow returns, and of one that is not there is none`, async t => {
		const lab = await labOf(t, new Sketch(network));
		await lab.run('h1 bind app', 'h2 bind web', 'secrule add allow app to web');
		t.is((await errorReturns(lab.network, {from: 'h1', to: 'h2', port: 9, family})).verdict, 'allowed');
		await lab.run('secrule del 1');
		t.like(await errorReturns(lab.network, {from: 'h1', to: 'h2', port: 9, family}, 300), {verdict: 'failed', reason: 'h2 sent no error: the request did not reach it, or somebody listens on port 9'});
	});
}
