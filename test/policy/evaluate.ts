import test from 'ava';
import fc from 'fast-check';
import {type Packet, type Verdict, evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import {type Inventory, inventoryOf} from '../../lib/policy/inventory.ts';
import type {Peer, Policy} from '../../lib/policy/model.ts';
import type {Isolation} from '../../lib/topology/specs.ts';
import {type Address, contains, formatAddress, parseAddress, sameAddress} from '../../lib/util/address.ts';
import {arbitraryScenario, policyOf} from '../helpers/arbitrary-policy.ts';
import {secureNet, sketch} from '../helpers/blueprints.ts';
import {spent} from '../helpers/clock.ts';

const blueprint = sketch(secureNet);
const inventory = inventoryOf(blueprint);

/** The verdict of a packet, written `10.0.10.10 > 10.0.20.20`, in few words: the rule's number or the reason. */
function judge(policy: Policy, packet: string, net = inventory): string {
	const [source = '', destination = ''] = packet.split(' > ');
	return brief(evaluator(policy, net)({source: parseAddress(source), destination: parseAddress(destination)}));
}

function brief({action, by}: Verdict): string {
	return `${action} ${by.kind === 'rule' ? by.rule.id : by.kind === 'default' ? by.reason : by.kind}`;
}

const judges = test.macro({
	title: (_, packet: string, expected: string, lines: readonly string[] = [], isolation: Isolation = 'bound') => `${packet} is ${expected} after [${lines.join('; ')}], ${isolation}`,
	exec(t, packet: string, expected: string, lines: readonly string[] = [], isolation: Isolation = 'bound') {
		t.is(judge(policyOf(lines, blueprint, isolation), packet), expected);
	},
});

const inside = '10.0.10.10 > 10.0.10.11';
const across = '10.0.10.10 > 10.0.20.20';

// The default belongs to the pair: perimeter first, then isolation.
test(judges, across, 'deny perimeter');
test(judges, across, 'deny perimeter', [], 'none');
test(judges, inside, 'allow open');
test(judges, inside, 'allow open', ['h10 bind web']);
test(judges, inside, 'deny bound', ['h11 bind web']);
test(judges, inside, 'deny bound', ['h10 bind web', 'h11 bind web']);
test(judges, inside, 'allow open', ['h11 bind web'], 'none');
test(judges, inside, 'deny isolated', [], 'all');
test(judges, '10.0.10.10 > 192.0.2.1', 'deny perimeter');
test(judges, '192.0.2.1 > 10.0.10.10', 'deny perimeter');
test(judges, '192.0.2.1 > 192.0.2.2', 'allow open');
test(judges, '192.0.2.1 > 192.0.2.2', 'deny isolated', [], 'all');
test(judges, '10.0.10.99 > 10.0.10.10', 'allow open');

// First match wins, in the order given.
test(judges, across, 'allow 1', ['h10 bind web', 'h20 bind db', 'secrule add allow web to db']);
test(judges, '10.0.20.20 > 10.0.10.10', 'deny perimeter', ['h10 bind web', 'h20 bind db', 'secrule add allow web to db']);
test(judges, '10.0.10.11 > 10.0.20.20', 'deny perimeter', ['h10 bind web', 'h20 bind db', 'secrule add allow web to db']);
test(judges, across, 'deny 1', ['secrule add deny h10 to h20', 'secrule add allow any to any']);
test(judges, across, 'allow 1', ['secrule add allow any to any', 'secrule add deny h10 to h20']);
test(judges, inside, 'deny 1', ['secrule add deny h10 to h11']);
test(judges, inside, 'allow 1', ['h10 bind web', 'h11 bind web', 'secrule add allow web to web']);

// Sides: every kind of peer, edges included.
test(judges, across, 'allow 1', ['secrule add allow 10.0.10.10 to 10.0.20.0/24']);
test(judges, '10.0.10.10 > 10.0.20.255', 'allow 1', ['secrule add allow 10.0.10.10 to 10.0.20.0/24']);
test(judges, '10.0.10.10 > 10.0.21.0', 'deny perimeter', ['secrule add allow 10.0.10.10 to 10.0.20.0/24']);
test(judges, across, 'allow 1', ['ipg add near 10.0.10.9-10.0.10.10', 'secrule add allow near to any']);
test(judges, across, 'deny perimeter', ['ipg add near 10.0.0.0/16 !10.0.10.10', 'secrule add allow near to any']);
test(judges, '192.0.2.1 > 10.0.20.20', 'allow 1', ['ipg add world 192.0.2.0/24', 'secrule add allow world to h20']);
test(judges, across, 'deny perimeter', ['ipg add void', 'secrule add allow void to any']);
test(judges, across, 'deny perimeter', ['secrule add allow ::/0 to ::/0']);

// A router is not judged as destination, and is a source like any unbound one.
test(judges, '10.0.10.10 > 10.0.20.1', 'allow router', ['secrule add deny any to any'], 'all');
test(judges, '10.0.10.1 > 10.0.10.10', 'deny bound', ['h10 bind web']);
test(judges, '10.0.10.1 > 10.0.10.10', 'allow 1', ['h10 bind web', 'secrule add allow fw to web']);

test('of a host with two interfaces the addresses of the packet decide', t => {
	const two = sketch(`
		h1 10.0.1.1/24 -- s1
		h1 10.0.2.1/24 -- s2
		h2 10.0.2.2/24 -- s2
		s1 -- fw 10.0.1.254/24
		s2 -- fw 10.0.2.254/24
	`);
	const net = inventoryOf(two);
	t.is(judge(policyOf([], two), '10.0.2.1 > 10.0.2.2', net), 'allow open');
	t.is(judge(policyOf([], two), '10.0.1.1 > 10.0.2.2', net), 'deny perimeter');
	t.is(judge(policyOf(['secrule add allow h1 to h2'], two), '10.0.1.1 > 10.0.2.2', net), 'allow 1');
	t.is(judge(policyOf(['h1 bind web'], two), '10.0.2.2 > 10.0.2.1', net), 'deny bound');
});

test('without a perimeter firewall the outside is not parted', t => {
	const open = sketch('h1 10.0.0.1/24 -- s1');
	t.is(judge(policyOf([], open), '192.0.2.1 > 10.0.0.1', inventoryOf(open)), 'allow open');
});

test('link-local addresses belong to their hosts', t => {
	const dual = sketch('h1 10.0.0.1/24,fd00::1/64 -- s1\nh2 10.0.0.2/24,fd00::2/64 -- s1');
	const lines = ['h2 bind web', 'secrule add allow h1 to web'];
	const [from, to] = ['h1', 'h2'].map(name => inventoryOf(dual).hosts.get(name)?.addresses.find(({family, value}) => family === 6 && value >> 118n === 0x3FAn));
	t.truthy(from && to);
	t.is(from && to && brief(evaluator(policyOf(lines, dual), inventoryOf(dual))({source: from, destination: to})), 'allow 1');
});

test('a verdict is explained in one sentence', t => {
	const policy = policyOf(['h11 bind web', 'secrule add deny h10 to h20'], blueprint);
	const explain = (source: string, destination: string, isolation: Isolation = 'bound'): string =>
		explainVerdict(evaluator({...policy, isolation}, inventory)({source: parseAddress(source), destination: parseAddress(destination)}));
	t.deepEqual([
		explain('10.0.10.10', '10.0.20.20'),
		explain('10.0.10.10', '10.0.20.21'),
		explain('10.0.10.10', '10.0.10.11'),
		explain('10.0.10.11', '10.0.10.10'),
		explain('10.0.10.11', '10.0.10.10', 'all'),
		explain('10.0.10.11', '10.0.10.1'),
	], [
		'Denied by rule 1 (deny h10 to h20).',
		'Denied: no rule matches, and a perimeter firewall stands between the two addresses.',
		'Denied: no rule matches, and the destination is a host that is in a group.',
		'Allowed: no rule matches, and nothing guards the destination.',
		'Denied: no rule matches, and the isolation of this lab is "all".',
		'Allowed: traffic to a router itself is not judged.',
	]);
});

test('verdicts are those of a reading that prepares nothing', t => {
	fc.assert(fc.property(arbitraryScenario(), ({policy, inventory: net, packets, lines, network}) => {
		const evaluate = evaluator(policy, net);
		for (const packet of packets) {
			if (brief(evaluate(packet)) !== naive(policy, net, packet)) {
				t.fail(`${formatAddress(packet.source)} > ${formatAddress(packet.destination)} is ${brief(evaluate(packet))}, should be ${naive(policy, net, packet)}\n${network}\n${lines.join('\n')}`);
			}
		}
	}), {numRuns: 200});
	t.pass();
});

test('1,000 rules and 1,000 members: a thousand verdicts in well under a second', t => {
	const hosts = Array.from({length: 1000}, (_, index) => `h${index + 1}`);
	const large = sketch(hosts.map(name => `${name} -- s1`).join('\n'));
	const net = inventoryOf(large);
	const groups = Array.from({length: 100}, (_, index) => `g${index}`);
	const policy = policyOf([
		...hosts.map((host, index) => `${host} bind g${index % 100}`),
		...Array.from({length: 1000}, (_, index) => `secrule add allow ${groups[index % 100] ?? ''} to ${groups[index * 7 % 100] ?? ''}`),
	], large);
	const evaluate = evaluator(policy, net);
	const addresses = [...net.hosts.values()].flatMap(host => host.addresses);
	t.true(spent(() => {
		for (const [index, source] of addresses.entries()) {
			evaluate({source, destination: addresses[(index * 31 + 5) % addresses.length] ?? source});
		}
	}) < 5 * 500);
});

/** The words of POLICY 2, read one by one: no sorting, no sets, no helpers of the evaluator. */
function naive(policy: Policy, {hosts, routers, domains}: Inventory, {source, destination}: Packet): string {
	const has = (addresses: readonly Address[] | undefined, address: Address): boolean => addresses?.some(own => sameAddress(own, address)) ?? false;
	const isIn = (peer: Peer, address: Address): boolean => {
		switch (peer.kind) {
			case 'any':
				return true;
			case 'prefix':
				return contains(peer.prefix, address);
			case 'node':
				return has(hosts.get(peer.name)?.addresses, address) || has(routers.get(peer.name)?.addresses, address);
			case 'group':
				return [...policy.groups.get(peer.name) ?? []].some(host => has(hosts.get(host)?.addresses, address));
			case 'ipg': {
				const hits = (policy.ipgs.get(peer.name) ?? []).filter(({first, last}) => first.family === address.family && first.value <= address.value && address.value <= last.value);
				return hits.length > 0 && hits.every(({excluded}) => !excluded);
			}
		}
	};

	if ([...routers.values()].some(({addresses}) => has(addresses, destination))) {
		return 'allow router';
	}

	for (const {id, action, from, to} of policy.rules) {
		if (isIn(from, source) && isIn(to, destination)) {
			return `${action} ${id}`;
		}
	}

	const [here, there] = [source, destination].map(address => domains.find(({subnets}) => subnets.some(subnet => contains(subnet, address))));
	if (here !== there && (here ? there !== undefined || here.perimeter : there?.perimeter)) {
		return 'deny perimeter';
	}

	const isBound = [...policy.groups.values()].some(members => [...members].some(host => has(hosts.get(host)?.addresses, destination)));
	return policy.isolation === 'all' ? 'deny isolated' : policy.isolation === 'bound' && isBound ? 'deny bound' : 'allow open';
}
