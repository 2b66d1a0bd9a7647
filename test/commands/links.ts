import test from 'ava';
import {MachineError, Topology} from '../../lib/index.ts';
import {needing} from '../helpers/needing.ts';
import {netem} from '../helpers/netem.ts';
import {labOf} from '../helpers/scenario.ts';

/** One link with a switch, one without. */
class Chain extends Topology {
	override build(): void {
		const r1 = this.addRouter('r1');
		this.addLink(this.addHost('h1', {ip: '10.0.0.1/24'}), this.addSwitch('s1'));
		this.addLink(this.addHost('h2', {ip: '10.0.1.1/24'}), r1.interface({ip: '10.0.1.254/24'}));
	}
}

test.serial('links says what the kernel says, whoever took a link down', async t => {
	const lab = await labOf(t, new Chain());
	const links = async () => (await lab.run('links'))[0]?.text;
	const text = (first: string, second: string) => `h1-eth0<->s1-eth1  ${first}\nh2-eth0<->r1-eth0  ${second}`;
	t.is(await links(), text('up', 'up'));
	await lab.run('h1 ip link set h1-eth0 down', 'h2 ip link set h2-eth0 down');
	t.is(await links(), text('no carrier', 'no carrier'));
	await lab.run('h1 ip link set h1-eth0 up', 'h2 ip link set h2-eth0 up', 'link h1 s1 down');
	t.is(await links(), text('down', 'up'));
	const [[up], [down]] = [await lab.run('link h1 s1 up'), await lab.run('link r1 h2 down')];
	t.is(up?.text, 'h1-eth0<->s1-eth1  up');
	t.is(down?.text, 'h2-eth0<->r1-eth0  down');
	await lab.run('h1 ip link delete h1-eth0');
	t.is(await links(), text('gone', 'down'));
});

const withNetem = await needing('netem');

withNetem('links says how a link is shaped, and link set changes it', async t => {
	const lab = await labOf(t, new Chain());
	const shaped = async (words: string) => (await lab.run(`link h2 r1 set ${words}`))[0]?.text;
	t.is(await shaped('loss 1% delay 15ms'), 'h2-eth0<->r1-eth0  up  delay 15ms loss 1%');
	t.is(await shaped('rate 10mbit queue 50 from r1'), 'h2-eth0<->r1-eth0  up  delay 15ms loss 1% from h2, rate 10mbit queue 50 from r1');
	t.is((await lab.run('links'))[0]?.text, 'h1-eth0<->s1-eth1  up\nh2-eth0<->r1-eth0  up  delay 15ms loss 1% from h2, rate 10mbit queue 50 from r1');
	t.deepEqual((await lab.run('links'))[0]?.result, [
		{ends: [{node: 'h1', interface: 'h1-eth0'}, {node: 's1', interface: 's1-eth1'}], up: true, state: 'up'},
		{ends: [{node: 'h2', interface: 'h2-eth0', shaping: {delay: 15, loss: 1}}, {node: 'r1', interface: 'r1-eth0', shaping: {rate: 1e7, queue: 50}}], up: true, state: 'up'},
	]);
	t.is(await shaped('none from h2'), 'h2-eth0<->r1-eth0  up  rate 10mbit queue 50 from r1');
	t.is(await shaped('none'), 'h2-eth0<->r1-eth0  up');
});

// On a kernel that has it there is nothing to refuse.
if (!netem.available) {
	test.serial('link set is refused with the sentence that doctor has, and links is as before', async t => {
		const lab = await labOf(t, new Chain());
		await t.throwsAsync(async () => lab.run('link h2 r1 set delay 15ms'), {instanceOf: MachineError, message: `Link h2 - r1 cannot be shaped. ${netem.sentence}`});
		t.is((await lab.run('link h2 r1 set none'))[0]?.text, 'h2-eth0<->r1-eth0  up');
	});
}
