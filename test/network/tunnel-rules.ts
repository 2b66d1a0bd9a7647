/** What the rules of tunnels follow from: hosts that come change none of it, ways that come do. */
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import {tunnelGroundsOf, tunnelRulesOf} from '../../lib/network/tunnel-rules.ts';
import {approachesIn} from '../../lib/topology/approaches.ts';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import {type Addition, grown, linkSpec} from '../../lib/topology/grow.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {sketch} from '../helpers/sketch.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const plan = check(sketch(t => {
	const [r1, r2, r3, s1] = [t.addRouter('r1'), t.addRouter('r2'), t.addRouter('r3'), t.addSwitch('s1')];
	t.addLink(r1.interface({ip: '1.0.0.1/24'}), r2.interface({ip: '1.0.0.2/24'}));
	t.addLink(r1.interface({ip: '2.0.0.1/24'}), s1);
	t.addLink(r3.interface({ip: '3.0.0.3/24'}), r2.interface({ip: '3.0.0.2/24'}));
	t.addTunnel(r1.interface({ip: '10.8.0.1/30', endpoint: '1.0.0.1'}), r2.interface({ip: '10.8.0.2/30', endpoint: '1.0.0.2'}), {via: 'gre'});
}));

/** Whether what was compared is the same, and whether the rules are. */
function after(addition: Addition): readonly [grounds: boolean, rules: boolean] {
	const next = grown(plan, addition);
	const [now, before] = [next, plan].map(tunnelGroundsOf);
	const rules = (blueprint: Blueprint) => JSON.stringify([...tunnelRulesOf(blueprint)]);
	return [now?.length === before?.length && now?.every((each, index) => each === before?.[index]) === true, rules(next) === rules(plan)];
}

test('a host that comes', t => {
	t.deepEqual(after({nodes: [{kind: 'host', name: 'h1', options: {ip: '2.0.0.9/24'}}], links: [linkSpec('h1', 's1')]}), [true, true]);
});

test('a way that comes, between two that were there', t => {
	t.deepEqual(after({links: [linkSpec({node: 'r3', options: {ip: '2.0.0.3/24'}}, 's1')]}), [false, false]);
});

test('a link to nobody else, at an end', t => {
	t.deepEqual(after({nodes: [{kind: 'host', name: 'h1', options: {ip: '4.0.0.9/24'}}], links: [linkSpec('h1', {node: 'r1', options: {ip: '4.0.0.1/24'}})]}), [false, false]);
});

test('what was searched for one tunnel is forgotten with it: a hub has many', t => {
	const wheel = check(hubOf(100));
	const approaches = approachesIn(wheel);
	const before = heapUsed();
	const sizes = wheel.tunnels.map(tunnel => approaches(tunnel)('hub', tunnel.ends[1]?.interface.node ?? '').size);
	// Its uplink and all its other tunnels.
	t.deepEqual([...new Set(sizes)], [100]);
	// Searches that are kept take 12 MB.
	t.true(heapUsed() - before < 4e6);
});

/** A hub with a tunnel to each spoke, over one core. */
function hubOf(spokes: number): Topology {
	return sketch(topology => {
		const [core, hub] = [topology.addRouter('core'), topology.addRouter('hub', {routes: [{to: '1.0.0.0/16', via: '1.255.0.1'}]})];
		topology.addLink(core.interface({ip: '1.255.0.1/24'}), hub.interface({ip: '1.255.0.2/24'}));
		for (let number = 1; number <= spokes; number++) {
			const spoke = topology.addRouter(`spoke${number}`, {routes: [{to: '1.255.0.0/24', via: `1.0.${number}.1`}]});
			topology.addLink(core.interface({ip: `1.0.${number}.1/24`}), spoke.interface({ip: `1.0.${number}.2/24`}));
			topology.addTunnel(hub.interface({ip: `10.0.${number}.1/30`, endpoint: '1.255.0.2'}), spoke.interface({ip: `10.0.${number}.2/30`, endpoint: `1.0.${number}.2`}), {via: 'gre'});
		}
	});
}

/** Bytes that something still holds. */
function heapUsed(): number {
	collect();
	return process.memoryUsage().heapUsed;
}
