import test from 'ava';
import fc from 'fast-check';
import {type Verdict, evaluator, explainVerdict} from '../../lib/policy/evaluate.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import type {Policy} from '../../lib/policy/model.ts';
import type {Isolation} from '../../lib/topology/specs.ts';
import {arbitraryScenario, policyOf} from '../helpers/arbitrary-policy.ts';
import {secureNet, sketch} from '../helpers/blueprints.ts';
import {spent} from '../helpers/clock.ts';
import {naiveVerdict, wholeText} from '../helpers/naive-evaluator.ts';
import {packetOf, packetText} from '../helpers/packets.ts';

const blueprint = sketch(secureNet);
const inventory = inventoryOf(blueprint);

/** The verdict of a packet, written `10.0.10.10 > 10.0.20.20`, in few words: the rule's number or the reason. */
function judge(policy: Policy, packet: string, net = inventory): string {
	return brief(evaluator(policy, net)(packetOf(packet)));
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

// Peers in peers.
test(judges, inside, 'deny 1', ['secrule add deny not h11 to h11']);
test(judges, '10.0.10.11 > 10.0.10.11', 'allow open', ['secrule add deny not h11 to h11']);
test(judges, inside, 'deny 1', ['secrule add deny not not h10 to h11']);
test(judges, inside, 'allow open', ['secrule add deny not any to h11']);
test(judges, inside, 'deny 1', ['secrule add deny not fd00::/8 to h11']);
test(judges, across, 'allow 1', ['h10 bind web', 'secrule add allow (h30, web) to (10.0.0.0/12, fd00::/8)']);
test(judges, across, 'deny perimeter', ['h10 bind web', 'secrule add allow not (h30, web) to any']);
test(judges, across, 'allow 1', ['h11 bind web', 'secrule add allow (not web, h11) to any']);
test(judges, across, 'deny perimeter', ['h11 bind web', 'secrule add allow not (not web, h11) to any']);
test(judges, '10.0.10.11 > 10.0.20.20', 'allow 1', ['h10 bind web', 'secrule add allow (not (web, 10.0.20.0/24), not any) to h20']);

// Traffic: boundaries of ports, types by family, protocols, services.
const toPorts = ['secrule add allow any to h20 tcp sport 1024-65535 dport {80,8000-8080}'];
for (const [ports, expected] of [['1024:80', 'allow 1'], ['1023:80', 'deny perimeter'], ['65535:8000', 'allow 1'], ['1024:8080', 'allow 1'], ['1024:8081', 'deny perimeter'], ['1024:7999', 'deny perimeter'], ['80:1024', 'deny perimeter']] as const) {
	test(judges, `${across} tcp ${ports}`, expected, toPorts);
}

test(judges, `${across} udp 1024:80`, 'deny perimeter', toPorts);
test(judges, `${across} proto 6`, 'deny perimeter', toPorts);
test(judges, `${across} proto 6`, 'allow 1', ['secrule add allow any to h20 tcp']);
test(judges, `${across} sctp 7`, 'allow 1', ['secrule add allow any to h20 sctp']);
test(judges, `${across} icmp 8`, 'allow 1', ['secrule add allow any to h20 icmp']);
test(judges, `${across} icmp 8`, 'allow 1', ['secrule add allow any to h20 icmp type echo-request']);
test(judges, `${across} icmp 0`, 'deny perimeter', ['secrule add allow any to h20 icmp type echo-request']);
test(judges, `${across} icmp 3/3`, 'allow 1', ['secrule add allow any to h20 icmp type port-unreachable']);
test(judges, `${across} icmp 3/2`, 'deny perimeter', ['secrule add allow any to h20 icmp type port-unreachable']);
test(judges, `${across} icmp 2`, 'deny perimeter', ['secrule add allow any to h20 icmp type packet-too-big']);
test(judges, `${across} icmp 8`, 'deny perimeter', ['secrule add allow any to h20 icmp6']);
test(judges, 'fd00::1 > fd00::2 icmp 128', 'deny 1', ['secrule add deny any to any icmp type echo-request']);
test(judges, 'fd00::1 > fd00::2 icmp 2', 'deny 1', ['secrule add deny any to any icmp type packet-too-big']);
test(judges, 'fd00::1 > fd00::2 icmp 1/4', 'deny 1', ['secrule add deny any to any icmp6 type port-unreachable']);
test(judges, 'fd00::1 > fd00::2 proto 1', 'allow open', ['secrule add deny any to any icmp']);
test(judges, 'fd00::1 > fd00::2 proto 47', 'deny 1', ['secrule add deny any to any proto 47']);
test(judges, `${across} udp 53`, 'allow 1', ['secrule service add dns udp/53 tcp/53', 'secrule service add web tcp/80', 'secrule add allow any to h20 service dns,web']);
test(judges, `${across} udp 80`, 'deny perimeter', ['secrule service add dns udp/53 tcp/53', 'secrule service add web tcp/80', 'secrule add allow any to h20 service dns,web']);

// What opens no connection passes over stateful allow rules, and meets all others.
test(judges, `${across} tcp 80 midstream`, 'deny perimeter', ['secrule add allow any to any']);
test(judges, `${across} tcp 80 midstream`, 'allow 2', ['secrule add allow any to any', 'secrule add allow any to any stateless']);
test(judges, `${across} tcp 80 midstream`, 'deny 2', ['secrule add allow any to any', 'secrule add deny any to any stateless', 'secrule add allow any to any stateless']);
test(judges, `${across} tcp 80 midstream`, 'reject 1', ['secrule add reject any to any']);
test(judges, `${inside} tcp 80 midstream`, 'allow open', ['secrule add allow any to any']);
test(judges, across, 'allow 2', ['secrule add deny any to any', 'secrule add allow h10 to any prio 999']);

test('only a stateful allow and the default make a connection, of what opens one', t => {
	const states = (packet: string, ...lines: readonly string[]): string => wholeText(evaluator(policyOf(lines, blueprint), inventory)(packetOf(packet)));
	t.deepEqual([
		states(across, 'secrule add allow any to any'),
		states(across, 'secrule add allow any to any stateless'),
		states(across, 'secrule add reject any to any stateful'),
		states(across, 'secrule add deny any to any stateful'),
		states(across),
		states(inside),
		states(`${inside} tcp 80 midstream`),
		states('10.0.10.10 > 10.0.20.1'),
		states('10.0.10.10 > 10.0.20.1 tcp 80 midstream'),
	], [
		'allow 1 making a connection',
		'allow 1',
		'reject 1',
		'deny 1',
		'deny perimeter',
		'allow open making a connection',
		'allow open',
		'allow router making a connection',
		'allow router',
	]);
});

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
	t.is(from && to && brief(evaluator(policyOf(lines, dual), inventoryOf(dual))({source: from, destination: to, protocol: 6})), 'allow 1');
});

test('a verdict is explained in one sentence', t => {
	const policy = policyOf(['h11 bind web', 'secrule add deny h10 to h20', 'secrule add reject h30 to (h20, h21) tcp dport 80'], blueprint);
	const explain = (source: string, destination: string, isolation: Isolation = 'bound'): string =>
		explainVerdict(evaluator({...policy, isolation}, inventory)(packetOf(`${source} > ${destination}`)));
	t.deepEqual([
		explain('10.0.10.10', '10.0.20.20'),
		explain('10.0.30.30', '10.0.20.20'),
		explain('10.0.10.10', '10.0.20.21'),
		explain('10.0.10.10', '10.0.10.11'),
		explain('10.0.10.11', '10.0.10.10'),
		explain('10.0.10.11', '10.0.10.10', 'all'),
		explain('10.0.10.11', '10.0.10.1'),
	], [
		'Denied by rule 1 (deny h10 to h20).',
		'Rejected by rule 2 (reject h30 to (h20, h21) tcp dport 80).',
		'Denied: no rule matches, and a perimeter firewall stands between the two addresses.',
		'Denied: no rule matches, and the destination is a host that is in a group.',
		'Allowed: no rule matches, and nothing guards the destination.',
		'Denied: no rule matches, and the isolation of this lab is "all".',
		'Allowed: traffic to a router itself is not judged.',
	]);
});

test('verdicts are those of a reading that prepares nothing', t => {
	let compared = 0;
	const decided = new Map<string, number>();
	fc.assert(fc.property(arbitraryScenario(), ({policy, inventory: net, packets, lines, network}) => {
		const evaluate = evaluator(policy, net);
		for (const packet of packets) {
			const [actual, expected] = [wholeText(evaluate(packet)), naiveVerdict(policy, net, packet)];
			compared++;
			decided.set(expected.replace(/\d+/, 'by a rule'), (decided.get(expected.replace(/\d+/, 'by a rule')) ?? 0) + 1);
			if (actual !== expected) {
				t.fail(`${packetText(packet)} is ${actual}, should be ${expected}\n${network}\n${lines.join('\n')}\n${policy.isolation}`);
			}
		}
	}), {numRuns: 200});
	t.true(compared >= 2000);
	for (const verdict of ['allow by a rule', 'allow by a rule making a connection', 'deny by a rule', 'reject by a rule', 'allow open', 'allow open making a connection', 'allow router', 'deny bound', 'deny perimeter', 'deny isolated']) {
		t.true((decided.get(verdict) ?? 0) > 20, `too few packets: ${verdict}`);
	}
});

test('the lines of a random policy say what its data says', t => {
	fc.assert(fc.property(arbitraryScenario({packets: 1}), ({policy, blueprint: net, lines}) => {
		t.deepEqual(policyOf(lines, net, policy.isolation), policy);
	}), {numRuns: 100});
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
			evaluate({source, destination: addresses[(index * 31 + 5) % addresses.length] ?? source, protocol: 6, sport: 1024, dport: 80});
		}
	}) < 5 * 500);
});
