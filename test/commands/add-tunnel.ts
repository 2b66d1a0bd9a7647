/** `add tunnel` in a lab that runs: packets pass through it, `links` shows it, `del link` takes it away. */
import test from 'ava';
import type {AddLinkResult} from '../../lib/index.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {echo} from '../helpers/pings.ts';
import {labOf} from '../helpers/scenario.ts';

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
