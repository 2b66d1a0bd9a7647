/** The MTU of links on real devices: what the file says of a link, or of one end, both ends have in the kernel. */
import test from 'ava';
import {labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

test.serial('devices have the MTU of their link, or of their end of it, wherever the link leads', async t => {
	const lab = await labOf(t, sketch(topology => {
		const r1 = topology.addRouter('r1');
		topology.addLink(topology.addHost('h1'), topology.addSwitch('s1'), {mtu: 1400});
		topology.addLink(topology.addHost('h2', {ip: '10.2.0.2/24'}), topology.addBridge('b1'), {mtu: 1300});
		topology.addLink(r1.interface({ip: '10.3.0.1/24', mtu: 9000}), topology.addRouter('r2').interface({ip: '10.3.0.2/24'}), {mtu: 1350});
	}));
	const real = await Promise.all([...lab.network.links].flatMap(({ends}) => ends).map(async ({node, name}) => [name, Number(/ mtu (\d+) /.exec(await lab.node(node).run`ip link show dev ${name}`)?.[1])]));
	t.deepEqual(Object.fromEntries(real), {'h1-eth0': 1400, 's1-eth1': 1400, 'h2-eth0': 1300, 'b1-eth1': 1300, 'r1-eth0': 9000, 'r2-eth0': 1350});
	// A packet that is longer than the way does not get out.
	await t.throwsAsync(lab.run('r2 ping -c 1 -W 1 -M do -s 1323 10.3.0.1'));
});
