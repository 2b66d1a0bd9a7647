/** `add tunnel` in a lab that runs: packets pass through it, `links` shows it, `del link` takes it away. */
import test from 'ava';
import {runLine} from '../../lib/commands/run-line.ts';
import type {AddLinkResult} from '../../lib/index.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {eventually} from '../helpers/eventually.ts';
import {echo} from '../helpers/pings.ts';
import {labOf} from '../helpers/scenario.ts';
import {runningIn} from '../helpers/ssh-scene.ts';

for (const [words, via] of [
	['gre', 'gre ttl 255'],
	['gre layer2 key 7', 'gre layer2 key 7 ttl 255'],
	['vxlan vni 9', 'vxlan vni 9 port 4789 ttl 64'],
	['ssh', 'ssh'],
] as const) {
	test.serial(`add tunnel via ${words}`, async t => {
		const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- r1 10.0.1.254/24\nh2 10.0.2.2/24 -- r1 10.0.2.254/24'));
		const [before, added] = await lab.run('links', `add tunnel h1 h2 via ${words} ip 10.9.0.1/30 10.9.0.2/30`);
		const {via: carrier, ends} = added?.result as AddLinkResult;
		t.deepEqual([carrier, ends.map(({node, endpoint}) => [node, endpoint])], [via, [['h1', '10.0.1.1'], ['h2', '10.0.2.2']]]);
		t.true(added?.text.includes(`${via}, 10.0.1.1 <-> 10.0.2.2`), added?.text);
		t.is(await echo(lab, 'h1', '10.9.0.2'), 'ttl 64');
		const [, after] = await lab.run('del link h1 h2', 'links');
		t.is(after?.text, before?.text);
	});
}

test.serial('a tunnel without a network that carries it is refused, and nothing is made', async t => {
	const lab = await labOf(t, new Sketch('r1 10.0.0.1/24 -- r2 10.0.0.2/24\nr3 10.1.0.3/24 -- h1 10.1.0.1/24'));
	await t.throwsAsync(lab.run('add tunnel r1 r3 via gre ip 10.9.0.1/30 10.9.0.2/30'), {message: /there is no way from r1/});
	t.is(lab.network.tunnels.length, 0);
});

test.serial('who waits for an SSH tunnel that never connects can interrupt it, and nothing was added', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- r1 10.0.1.254/24\nh2 10.0.2.2/24 -- r1 10.0.2.254/24'));
	await lab.node('r1').run`iptables -I FORWARD -p tcp -j DROP`;
	const namespaces = ['h1', 'h2'].map(name => lab.node(name).namespace);
	const user = new AbortController();
	const line = runLine(lab, 'add tunnel h1 h2 via ssh ip 10.9.0.1/30 10.9.0.2/30', {signal: user.signal});
	t.true(await eventually(() => namespaces.every(namespace => runningIn(namespace).length > 0)));
	user.abort();
	const failure = (await line)?.failure;
	t.is(failure?.code, 'interrupted');
	t.is(failure?.message, 'Interrupted: nothing was added.');
	t.is(lab.network.tunnels.length, 0);
	t.deepEqual(namespaces.flatMap(runningIn), []);
	t.false((await lab.node('h1').run`ip -brief link`).includes('tun'));
});
