/** What happens in a network reaches whoever listens to the lab, not only to its network. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {LabEvents} from '../../lib/lab.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {longPatience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

/** The next one of an event. */
async function next(lab: Lab, event: 'link' | 'node'): Promise<LabEvents[typeof event][0] | 'nothing'> {
	return new Promise(resolve => {
		const timer = setTimeout(() => {
			resolve('nothing');
		}, longPatience);
		lab.once(event, (change: LabEvents[typeof event][0]) => {
			clearTimeout(timer);
			resolve(change);
		});
	});
}

test.serial('a carrier that goes and comes, whoever did it, and a host that comes with its link', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- b1\nh2 10.0.0.2/24 -- b1'));
	for (const [word, up] of [['down', false], ['up', true]] as const) {
		const told = next(lab, 'link');
		await lab.node('h1').execute(['ip', 'link', 'set', 'h1-eth0', word]);
		t.deepEqual(await told, {node: 'b1', interface: 'b1-eth1', up});
	}

	const told = [next(lab, 'node'), next(lab, 'link')];
	await lab.addHost('h3', {ip: '10.0.0.3/24'}, 'b1');
	t.like(await told[0], {node: 'h3', change: 'added'});
	t.is((await told[1]) === 'nothing', false);
});
