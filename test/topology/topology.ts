/** Topologies as classes: names, parameters, handles, and a build() that runs once. */
import test from 'ava';
import {InputError} from '../../lib/util/errors.ts';
import type {LinkSpec} from '../../lib/topology/specs.ts';
import {Topology} from '../../lib/topology/topology.ts';
import {sketch} from '../helpers/sketch.ts';

class RouterAsSwitch extends Topology {
	override build(): void {
		const r1 = this.addRouter('r1', {proxyArp: true});
		this.addLink(this.addHost('h1', {ip: '10.0.0.1/24'}), r1);
		this.addLink(this.addHost('h2', {ip: '10.0.0.2/24'}), r1.interface({name: 'vr_if2'}), {mtu: 1400});
	}
}

class VirtualL2 extends Topology.with({
	hops: {type: 'number', default: 0, summary: 'routers in the path'},
	transport: {type: 'string', default: 'direct', choices: ['direct', 'gre'], summary: 'how edge routers reach each other'},
	filter: {type: 'boolean', default: true, summary: 'reverse path filter'},
}) {
	readonly prefix = 'r';

	override build(): void {
		const transport: 'direct' | 'gre' = this.parameters.transport;
		const routers = this.parameters.filter && transport === 'direct' ? this.parameters.hops + 2 : 0;
		for (let n = 1; n <= routers; n++) {
			this.addRouter(`${this.prefix}${n}`);
		}
	}
}

class BGPControlPlane extends RouterAsSwitch {}

class Named extends RouterAsSwitch {
	override readonly name = 'other';
}

const name = test.macro({
	exec(t, topology: Topology, expected: string) {
		t.is(topology.name, expected);
	},
	title: (_, topology: Topology) => `the name of ${topology.constructor.name}`,
});

test(name, new RouterAsSwitch(), 'router-as-switch');
test(name, new VirtualL2(), 'virtual-l2');
test(name, new BGPControlPlane(), 'bgp-control-plane');
test(name, new Named(), 'other');

test('describe() holds what build() added, in the order of the file', t => {
	const {nodes, links} = new RouterAsSwitch().describe();
	t.deepEqual(nodes.map(node => [node.kind, node.name, node.options]), [
		['router', 'r1', {proxyArp: true}],
		['host', 'h1', {ip: '10.0.0.1/24'}],
		['host', 'h2', {ip: '10.0.0.2/24'}],
	]);
	t.deepEqual(links, [
		{ends: [{node: 'h1', options: {}}, {node: 'r1', options: {}}], options: {}},
		{ends: [{node: 'h2', options: {}}, {node: 'r1', options: {name: 'vr_if2'}}], options: {mtu: 1400}},
	]);
});

test('build() runs once, and not in the constructor', t => {
	let runs = 0;
	const topology = sketch(() => {
		runs++;
	});
	t.is(runs, 0);
	t.is(topology.describe(), topology.describe());
	t.is(runs, 1);
});

test('addLink() returns the link of the graph', t => {
	let link: LinkSpec | undefined;
	const topology = sketch(each => {
		link = each.addLink(each.addHost('h1'), each.addHost('h2'));
	});
	t.is(topology.describe().links[0], link);
});

test('parameters have their defaults, given ones replace them, and fields of the subclass are there in build()', t => {
	t.deepEqual(new VirtualL2().describe().nodes.map(node => node.name), ['r1', 'r2']);
	t.deepEqual(new VirtualL2({hops: 1}).describe().nodes.map(node => node.name), ['r1', 'r2', 'r3']);
	t.deepEqual(new VirtualL2({hops: 1}).parameters, {hops: 1, transport: 'direct', filter: true});
	t.deepEqual(Object.keys(VirtualL2.parameters), ['hops', 'transport', 'filter']);
	t.deepEqual(RouterAsSwitch.parameters, {});
});

const buildFails = test.macro({
	exec(t, topology: Topology, expected: RegExp) {
		t.throws(() => topology.describe(), {instanceOf: InputError, code: 'build', message: expected});
	},
	title: (title = '') => `build() fails: ${title}`,
});

class Async extends Topology {
	// eslint-disable-next-line @typescript-eslint/no-misused-promises -- the mistake under test
	override async build(): Promise<void> {
		await Promise.resolve();
	}
}

test('a bug in the file keeps its message and place', buildFails, sketch(() => {
	throw new TypeError('x is undefined');
}), /build\(\) of sketch failed: x is undefined \(at .*topology\.ts:\d+/);
test('a name instead of a handle', buildFails, sketch(each => {
	each.addLink('h1' as never, each.addHost('h2'));
}), /A link or tunnel was given "h1" as its end\. Give it what addHost\(\)/);
test('nothing instead of a handle', buildFails, sketch(each => {
	each.addLink(each.addHost('h2'), undefined as never);
}), /A link or tunnel was given undefined/);
test('a tunnel without options', buildFails, sketch(each => {
	each.addTunnel(each.addRouter('r1'), each.addRouter('r2'), undefined as never);
}), /A tunnel was added without options\. Say what carries it/);
test('async', buildFails, new Async(), /async is async/);

test('adding outside build() is refused', t => {
	t.throws(() => new RouterAsSwitch().addHost('h9'), {instanceOf: InputError, message: 'Adding host h9 is possible in build() only.'});
});

test('a build() that fails leaves nothing behind for the next attempt', t => {
	let attempts = 0;
	const topology = sketch(each => {
		each.addHost('h1');
		attempts++;
		if (attempts === 1) {
			throw new InputError('x', 'The first time it fails.');
		}
	});
	t.throws(() => topology.describe(), {code: 'x', message: /^The first time it fails\. \(at /});
	t.is(topology.describe().nodes.length, 1);
});
