/** The story of virtual-l2: one subnet over a network of routers, whose nodes nobody has told anything. */
import test from 'ava';
import {Lab, check} from '../../lib/index.ts';
import {pingAll} from '../../lib/network/reachability.ts';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import VirtualL2 from '../../topologies/virtual-l2.ts';
import {uniqueName} from '../helpers/names.ts';
import {pingPatience} from '../helpers/patience.ts';

type Parameters = NonNullable<ConstructorParameters<typeof VirtualL2>[0]>;

const joins = test.macro<[parameters: Parameters]>({
	title: (_, {transport = 'direct', hops = 0}) => `${transport}, ${hops} hops: every node reaches every other one, over two routers a ttl of 62 is left`,
	async exec(t, parameters) {
		const lab = await Lab.up(new VirtualL2(parameters), {name: uniqueName()});
		t.teardown(async () => lab.down());
		const {lost} = await pingAll(lab.network, {timeout: pingPatience});
		t.deepEqual(lost, []);
		t.regex(await lab.node('node_1').run`ping -c 1 20.0.0.4`, / ttl=62 /);
		t.regex(await lab.node('node_1').run`ping -c 1 20.0.0.2`, / ttl=63 /);
		for (const name of ['node_1', 'node_4']) {
			t.regex(await lab.node(name).run`ip route`, /^20\.0\.0\.0\/24 dev \S+ proto kernel scope link src \S+ *\n$/);
			t.is(await lab.node(name).run`ip neighbor show nud permanent`, '');
		}
	},
});

test.serial(joins, {});
test.serial(joins, {transport: 'gre'});
test.serial(joins, {transport: 'gre', hops: 3});
test.serial(joins, {transport: 'vxlan', hops: 1});
test.serial(joins, {transport: 'ssh', hops: 1});

test.serial('directly, over a router that knows nothing of the subnet, only neighbors of one site meet', async t => {
	const lab = await Lab.up(new VirtualL2({hops: 1}), {name: uniqueName()});
	t.teardown(async () => lab.down());
	const {received, lost} = await pingAll(lab.network, {timeout: pingPatience});
	t.is(received, 4);
	t.is(lost.length, 8);
});

test.serial('a node that checks the way back ignores who asks in the name of another network, until the router need not ask', async t => {
	const lab = await Lab.up(new VirtualL2(), {name: uniqueName()});
	t.teardown(async () => lab.down());
	await lab.run('node_3 set rpFilter strict');
	await t.throwsAsync(lab.run('node_1 ping -c 1 -W 1 node_3'));
	await lab.run('vrouter2 neighbor add 20.0.0.3 lladdr node_3 dev vr_if1', 'node_1 ping -c 1 node_3', 'vrouter2 neighbor del 20.0.0.3 dev vr_if1');
	// Or an address of the subnet on the interface.
	await lab.run('vrouter2 ip address add 20.0.0.254/32 dev vr_if1', 'node_1 ping -c 1 node_3');
});

const takesSteps = test.macro<[parameters: Parameters]>({
	title: (_, {transport = 'direct', hops = 0}) => `${transport}, ${hops} hops: step by step, each does what the story says`,
	async exec(t, parameters) {
		const topology = new VirtualL2({...parameters, steps: true});
		const lab = await Lab.up(topology, {name: uniqueName()});
		t.teardown(async () => lab.down());
		const results = await lab.run(...topology.steps);
		t.true(results.filter(({mayFail}) => mayFail).every(({failure}) => failure !== undefined), 'what may fail does');
		const isWhole = parameters.transport !== undefined || parameters.hops === undefined;
		t.is((await pingAll(lab.network, {timeout: pingPatience})).received, isWhole ? 12 : 4);
	},
});

test.serial(takesSteps, {});
test.serial(takesSteps, {hops: 1});
test.serial(takesSteps, {transport: 'gre', hops: 1});
test.serial(takesSteps, {transport: 'vxlan', hops: 2});
test.serial(takesSteps, {transport: 'ssh', hops: 1});

/** What a change of the fabric must leave alone: the nodes, and the routes to them. */
function lasting({nodes}: Blueprint) {
	return {
		hosts: [...nodes.values()].filter(({kind}) => kind === 'host'),
		routes: ['vrouter1', 'vrouter2'].map(name => nodes.get(name)?.routes.filter(({to}) => to.length === 32)),
	};
}

test('over a tunnel another hop and other networks beneath leave nodes and host routes as they are', t => {
	const expected = lasting(check(new VirtualL2({transport: 'gre'})));
	for (const transport of ['gre', 'vxlan', 'ssh'] as const) {
		for (const hops of [1, 2, 5]) {
			t.deepEqual(lasting(check(new VirtualL2({transport, hops}))), expected);
		}
	}

	t.notDeepEqual(lasting(check(new VirtualL2({hops: 1}))), lasting(check(new VirtualL2())));
});
