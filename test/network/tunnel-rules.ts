/** What the rules of tunnels follow from: hosts that come change none of it, ways that come do. */
import test from 'ava';
import {tunnelGroundsOf, tunnelRulesOf} from '../../lib/network/tunnel-rules.ts';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import {type Addition, grown, linkSpec} from '../../lib/topology/grow.ts';
import {sketch} from '../helpers/sketch.ts';

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
