import test from 'ava';
import {Topology} from '../../lib/index.ts';
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
