import test from 'ava';
import fc from 'fast-check';
import {evaluator} from '../../lib/policy/evaluate.ts';
import {flipsOf} from '../../lib/policy/flips.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {parseRule, sentence} from '../../lib/policy/grammar.ts';
import {namesOf} from '../../lib/policy/names.ts';
import {addRule} from '../../lib/policy/repository.ts';
import {type Address, isLinkLocal, sameAddress} from '../../lib/util/address.ts';
import {splitWords} from '../../lib/util/words.ts';
import {arbitraryScenario} from '../helpers/arbitrary-policy.ts';
import {sketch} from '../helpers/blueprints.ts';
import {runPolicyLines} from '../helpers/policy-lines.ts';

const blueprint = sketch('h1 10.0.0.1/24,fd00::1/64 -- s1\nh2 10.0.0.2/24,fd00::2/64 -- s1\nh3 10.0.0.3/24 -- s1');
const inventory = inventoryOf(blueprint);

const flips = test.macro({
	title: (_, sentence: string, lines: readonly string[]) => `${sentence}, after ${lines.join('; ')}`,
	exec(t, sentence: string, lines: readonly string[], expected: readonly string[]) {
		const before = runPolicyLines(lines, blueprint.nodes);
		const after = addRule(before, parseRule(splitWords(sentence), namesOf(before, blueprint.nodes)), blueprint.nodes);
		const rule = after.rules.find(({id}) => id === before.nextId);
		const {list, complete} = rule ? flipsOf(after, rule, inventory) : {list: [], complete: false};
		t.true(complete);
		t.deepEqual(list.map(({from, to, before: then, after: now, packet}) => `${from} ${to} ${then} ${now} ${packet}`), expected);
	},
});

test(flips, 'allow h1 to web', ['h2 bind web'], ['h1 h2 deny allow tcp 49152 > 49152']);
test(flips, 'allow h1 to web udp dport 53', ['h2 bind web'], ['h1 h2 deny allow udp 49152 > 53']);
test(flips, 'allow any to h2 icmp', ['h2 bind web'], ['h1 h2 deny allow icmp', 'h3 h2 deny allow icmp']);
test(flips, 'deny h1 to h3', [], ['h1 h3 allow deny tcp 49152 > 49152']);
test(flips, 'allow any to h2 icmp type destination-unreachable', ['h2 bind web', 'secrule add deny any to h2 icmp type network-unreachable', 'secrule add allow h3 to any icmp'], ['h1 h2 deny allow icmp type 3']);
test(flips, 'deny h1 to h3 tcp', ['secrule add deny any to any tcp dport 1-65535'], ['h1 h3 allow deny tcp 49152 > 0']);
test(flips, 'deny h1 to h3 icmp6', [], []);
test(flips, 'deny h3 to h1 proto 47', [], ['h3 h1 allow deny proto 47']);
test(flips, 'reject h1 to h2 tcp', ['secrule add deny h1 to h2 tcp dport 80'], ['h1 h2 allow reject tcp 49152 > 81']);
test(flips, 'reject h1 to h2 tcp prio 5', ['secrule add deny h1 to h2 tcp dport 80'], ['h1 h2 deny reject tcp 49152 > 80', 'h1 h2 allow reject tcp 49152 > 81']);
test(flips, 'allow h1 to h2', ['h2 bind web', 'secrule add allow any to web'], []);
test(flips, 'allow h1 to h2 tcp dport 80-90', ['h2 bind web', 'secrule add deny any to any tcp dport 80-89'], ['h1 h2 deny allow tcp 49152 > 90']);
test(flips, 'deny 10.0.0.1 to h2', ['secrule add allow fd00::/64 to h2'], ['h1 h2 allow deny tcp 49152 > 49152']);
test(flips, 'allow 192.0.2.0/24 to h2', ['h2 bind web'], []);

test('whatever packet between hosts a rule decides otherwise, its pair is listed', t => {
	let flipped = 0;
	const property = fc.property(arbitraryScenario({packets: 60}), fc.nat(), ({policy: after, inventory: place, packets}, pick) => {
		const rule = after.rules[pick % Math.max(1, after.rules.length)];
		if (!rule) {
			return;
		}

		const listed = new Set(flipsOf(after, rule, place).list.map(({from, to, before, after: now}) => [from, to, before, now].join()));
		const [judgeBefore, judgeAfter] = [evaluator({...after, rules: after.rules.filter(other => other !== rule)}, place), evaluator(after, place)];
		const hostsAt = (address: Address) => [...place.hosts.values()].filter(({addresses}) => !isLinkLocal(address) && addresses.some(own => sameAddress(own, address))).map(({name}) => name);
		for (const packet of packets.filter(({opens}) => opens ?? true)) {
			const [before, now] = [judgeBefore(packet).action, judgeAfter(packet).action];
			for (const [from, to] of before === now ? [] : hostsAt(packet.source).flatMap(a => hostsAt(packet.destination).filter(b => b !== a).map(b => [a, b] as const))) {
				flipped++;
				t.true(listed.has([from, to, before, now].join()), `${from} ${to} ${before} ${now} ${sentence(rule)}`);
			}
		}
	});
	// Chance makes few packets that a rule decides: some 35 in 300 runs.
	for (let round = 0; flipped < 20; round++) {
		t.true(round < 10, `${flipped} after ${round} rounds`);
		fc.assert(property, {numRuns: 300});
	}
});
