/** Ways of packets through drawn networks, and what becomes of them there. */
import test from 'ava';
import {evaluator} from '../../lib/policy/evaluate.ts';
import {pointsOf} from '../../lib/policy/fates.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {Paths} from '../../lib/policy/paths.ts';
import type {Blueprint, NodePlan} from '../../lib/topology/blueprint.ts';
import {formatAddress, parseAddress} from '../../lib/util/address.ts';
import {policyOf} from '../helpers/arbitrary-policy.ts';
import {secureNet, sketch} from '../helpers/blueprints.ts';

function nodeOf({nodes}: Blueprint, name: string): NodePlan {
	const node = nodes.get(name);
	if (!node) {
		throw new TypeError(`No node ${name}.`);
	}

	return node;
}

/** `h1 > s1:2 > fw`: the nodes, with the ports that frames come in by. */
const leads = test.macro<[network: string, from: string, to: string, expected: string]>({
	exec(t, network, from, to, expected) {
		const blueprint = sketch(network);
		const {hops, broken} = new Paths(blueprint).from(nodeOf(blueprint, from), parseAddress(to));
		const nodes = hops.map(({node, arrival}) => node.name + (arrival?.by.port === undefined ? '' : `:${arrival.by.port}`)).join(' > ');
		t.is(nodes + (broken === undefined ? '' : ` | ${broken}`), expected);
	},
	title: (_, __, from, to, expected) => `${from} to ${to}: ${expected}`,
});

const tree = `
	h1 10.0.0.1/24 -- s2
	h2 10.0.0.2/24 -- b3
	s2 -- s1
	b3 -- s1
	r1 10.0.0.254/24 -- s1
	r1 10.0.1.254/24,fd01::fe/64 -- s4
	h3 10.0.1.3/24,fd01::3/64 -- s4
	h4 fd01::4/64 -- s4
`;

test(leads, tree, 'h1', '10.0.0.2', 'h1 > s2:1 > s1:1 > b3:2 > h2');
test(leads, tree, 'h1', '10.0.1.3', 'h1 > s2:1 > s1:1 > r1 > s4:1 > h3');
test(leads, tree, 'h3', '10.0.0.254', 'h3 > s4:2 > r1');
test(leads, tree, 'h3', 'fd01::4', 'h3 > s4:2 > h4');
test(leads, tree, 'h1', '10.0.0.9', 'h1 | nobody around h1-eth0 has the address 10.0.0.9');
test(leads, tree, 'h1', '10.9.0.9', 'h1 > s2:1 > s1:1 > r1 | r1 has no route to 10.9.0.9');
test(leads, tree, 'h1', 'fd01::4', 'h1 | h1 has no route to fd01::4');
test(leads, tree, 's1', '10.0.0.1', 's1 | s1 is a switch and sends nothing of its own');
test(leads, 'h1 10.0.0.1/24 -- h2 10.0.0.2/24\nh2 10.0.1.2/24 -- h3 10.0.1.3/24', 'h1', '10.0.0.2', 'h1 > h2');

test('a frame bears the MAC of the next station', t => {
	const blueprint = sketch(tree);
	const {hops} = new Paths(blueprint).from(nodeOf(blueprint, 'h1'), parseAddress('10.0.1.3'));
	const [h1, h3] = [nodeOf(blueprint, 'h1'), nodeOf(blueprint, 'h3')].map(({interfaces: [first]}) => first?.mac);
	const [near, far] = nodeOf(blueprint, 'r1').interfaces.map(({mac}) => mac);
	t.deepEqual(hops.slice(1).map(({arrival}) => [arrival?.source, arrival?.destination]), [[h1, near], [h1, near], [h1, near], [far, h3], [far, h3]]);
});

test('a pair without a way has no ends; IPv4 goes first', t => {
	const blueprint = sketch(tree);
	const paths = new Paths(blueprint);
	const ends = (a: string, b: string) => {
		const found = paths.endsOf(nodeOf(blueprint, a), nodeOf(blueprint, b));
		return found && `${formatAddress(found.source)} ${formatAddress(found.destination)}`;
	};

	t.is(ends('h1', 'h3'), '10.0.0.1 10.0.1.3');
	t.is(ends('h3', 'h4'), 'fd01::3 fd01::4');
	t.is(ends('h1', 'h4'), undefined);
});

const meets = test.macro<[lines: readonly string[], from: string, to: string, expected: string]>({
	exec(t, lines, from, to, expected) {
		const blueprint = sketch(secureNet);
		const inventory = inventoryOf(blueprint);
		const [source, destination] = [parseAddress(from), parseAddress(to)];
		const paths = new Paths(blueprint);
		const packet = {source, destination, protocol: 6, sport: 1024, dport: 80};
		const verdict = evaluator(policyOf(lines, blueprint), inventory)(packet);
		const path = paths.from(paths.ownerOf(source) as NodePlan, destination);
		t.is(pointsOf(path, packet, verdict, inventory).map(({hop, fate}) => `${hop.node.name} ${fate}`).join(', '), expected);
	},
	title: (_, lines, from, to, expected) => `${lines.join('; ')}: ${from} > ${to}: ${expected}`,
});

test(meets, [], '10.0.10.10', '10.0.20.20', 's1 drops, fw beyond, s2 beyond');
test(meets, [], '10.0.10.10', '10.0.10.11', 's1 passes');
test(meets, ['secrule add allow any to any'], '10.0.10.10', '10.0.20.20', 's1 passes, fw passes, s2 passes');
test(meets, ['secrule add reject any to any'], '10.0.10.10', '10.0.20.20', 's1 passes, fw rejects, s2 beyond');
test(meets, ['secrule add reject any to any'], '10.0.10.10', '10.0.10.11', 's1 drops');
test(meets, [], '10.0.10.10', '10.0.20.1', 's1 passes');
