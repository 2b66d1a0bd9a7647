/** Routes of a network that changes while it runs: what leaves takes its own along and nobody else's, nothing of it comes back, and what was worked out is worked out anew. */
import test from 'ava';
import type {Lab, RouteOptions, Topology} from '../../lib/index.ts';
import {echo} from '../helpers/pings.ts';
import {labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

const given: readonly RouteOptions[] = [{to: '10.9.0.0/24', interface: 'if2'}, {to: '10.8.0.0/24', nextHops: [{via: '10.2.0.2'}, {via: '10.3.0.3', interface: 'if3'}]}, {to: '10.7.0.0/24', via: '10.5.0.2'}];

/** r1 between r2 and r3, on a link to each, and with a tunnel to r2. */
function between(routes: readonly RouteOptions[] = given): Topology {
	return sketch(t => {
		const r1 = t.addRouter('r1', {routes});
		const [r2, r3] = [t.addRouter('r2'), t.addRouter('r3')];
		t.addLink(r2.interface({ip: '10.2.0.2/24'}), r1.interface({ip: '10.2.0.1/24', name: 'if2'}));
		t.addLink(r3.interface({ip: '10.3.0.3/24'}), r1.interface({ip: '10.3.0.1/24', name: 'if3'}));
		t.addTunnel(r1.interface({ip: '10.5.0.1/24'}), r2.interface({ip: '10.5.0.2/24'}), {via: 'gre'});
	});
}

/** Static ones of r1, as `10.9.0.0/24 if2`. */
function routesOf(lab: Lab): string[] {
	return lab.node('r1').routes().filter(({protocol}) => protocol === 'static').map(({to, interface: name, nextHops = [{interface: name}]}) => [to, ...nextHops.map(hop => hop.interface)].join(' '));
}

test.serial('routes of an interface that left do not come back, neither with another link nor with an interface of its name', async t => {
	const lab = await labOf(t, between([]));
	await lab.run('r1 neighbor add 10.2.0.9 lladdr 02:00:00:00:00:99 dev if2', 'r1 route add 10.6.0.0/24 via 10.2.0.2', 'r1 route add 10.7.0.0/24 via 10.5.0.2', 'r1 route add 10.9.0.0/24 dev if2');
	await lab.remove({tunnels: lab.network.tunnels});
	await lab.run('link r1 r2 down', 'link r1 r2 up');
	t.deepEqual(routesOf(lab), ['10.6.0.0/24 if2', '10.9.0.0/24 if2']);
	await lab.remove({links: lab.network.linksBetween('r1', 'r2')});
	await lab.addLink({node: 'r3', options: {ip: '10.2.0.3/24'}}, {node: 'r1', options: {ip: '10.2.0.1/24', name: 'if2'}});
	await lab.run('link r1 r3 down', 'link r1 r3 up');
	t.false(routesOf(lab).some(route => route.startsWith('10.6.')));
	t.deepEqual(lab.node('r1').neighbors().filter(({state}) => state === 'permanent'), []);
});

test.serial('routes that wait for an interface that somebody has deleted are dropped', async t => {
	const lab = await labOf(t, between());
	await lab.run('r1 ip link add d1 type veth peer name d2', 'r1 ip link set d2 up', 'r1 ip address add 10.2.0.77/32 dev d1', 'r1 ip link set d1 up', 'r1 route add 10.6.0.0/24 via 10.2.0.2 via 10.2.0.99 dev d1 onlink', 'r1 neighbor add 10.2.0.98 lladdr 02:00:00:00:00:98 dev d1');
	await lab.run('link r1 r2 down', 'r1 ip link del d1', 'link r1 r2 up');
	t.deepEqual(routesOf(lab), ['10.7.0.0/24 r1-tun0', '10.8.0.0/24 if2 if3', '10.9.0.0/24 if2']);
});

test.serial('with a link goes its route, and no other to the same place', async t => {
	const lab = await labOf(t, between());
	await lab.run('r1 route add 10.9.0.0/24 via 10.3.0.3 metric 50', 'r1 route add 10.7.0.0/24 via 10.3.0.3 metric 50');
	await lab.remove({tunnels: lab.network.tunnels, links: lab.network.linksBetween('r1', 'r2')});
	t.deepEqual(routesOf(lab), ['10.7.0.0/24 if3', '10.9.0.0/24 if3']);
});

/** Four routers in a ring, a host at each: hN at 10.N.0.1. */
function ring(): Topology {
	return sketch(t => {
		const routers = [1, 2, 3, 4].map(n => t.addRouter(`r${n}`));
		for (const [index, router] of routers.entries()) {
			t.addLink(t.addHost(`h${index + 1}`, {ip: `10.${index + 1}.0.1/24`}), router.interface({ip: `10.${index + 1}.0.254/24`}));
		}

		for (const [index, router] of routers.entries()) {
			const next = routers[(index + 1) % 4];
			if (next) {
				t.addLink(router.interface({ip: `172.16.${index + 1}.1/30`}), next.interface({ip: `172.16.${index + 1}.2/30`}));
			}
		}
	}, {routing: 'static'});
}

test.serial('static routes lead around a link that left, from far away too', async t => {
	const lab = await labOf(t, ring());
	const ttls = async () => [await echo(lab, 'h1', '10.3.0.1'), await echo(lab, 'h2', '10.3.0.1'), await echo(lab, 'h3', '10.2.0.1')];
	t.deepEqual(await ttls(), ['ttl 61', 'ttl 62', 'ttl 62']);
	await lab.remove({links: lab.network.linksBetween('r2', 'r3')});
	t.deepEqual(await ttls(), ['ttl 61', 'ttl 60', 'ttl 60']);
});

test.serial('static routes that lead by a link that is down wait for it', async t => {
	const lab = await labOf(t, ring());
	await lab.run('link r1 r4 down');
	await lab.remove({links: lab.network.linksBetween('r2', 'r3')});
	await lab.run('link r1 r4 up');
	t.is(await echo(lab, 'h2', '10.3.0.1'), 'ttl 60');
});

test.serial('a static route that waits for a link and leads to what is gone does not come back', async t => {
	const lab = await labOf(t, ring());
	await lab.run('link r1 r4 down');
	await lab.remove({nodes: ['h4']});
	await lab.run('link r1 r4 up');
	t.deepEqual(['10.3.0.0/24', '10.4.0.0/24', '172.16.3.0/30'].filter(to => routesOf(lab).some(route => route.startsWith(to))), ['10.3.0.0/24', '172.16.3.0/30']);
});
