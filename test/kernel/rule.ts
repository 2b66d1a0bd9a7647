/** Rules that are added are what `ip rule` shows and what is listed, and deleting takes exactly them away. */
import test from 'ava';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {type Rule, addRule, deleteRule, listRules} from '../../lib/kernel/rule.ts';
import {Rtnetlink, RtnetlinkError} from '../../lib/kernel/rtnetlink.ts';
import {parsePrefix} from '../../lib/util/address.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const [namespace = undefined as never] = testNamespaces('rules');
test.after.always(() => {
	deleteNamespaces([namespace]);
});

const kept = test.macro<[rule: Rule, expected: string]>({
	async exec(t, rule, expected) {
		const before = listRules(namespace);
		using rtnetlink = new Rtnetlink(namespace);
		addRule(rtnetlink, rule);
		rtnetlink.flush();
		const {stdout} = await run(['ip', `-${rule.family}`, 'rule', 'show'], {namespace});
		t.true(stdout.split('\n').map(line => line.replaceAll(/\s+/g, ' ').trim()).includes(expected), stdout);
		const added = listRules(namespace).filter(each => !before.some(other => JSON.stringify(other, bigint) === JSON.stringify(each, bigint)));
		t.is(added.length, 1);
		t.like(added[0], rule);
		addRule(rtnetlink, rule);
		t.is(t.throws(() => {
			rtnetlink.flush();
		}, {instanceOf: RtnetlinkError}).errno, 'EEXIST');
		deleteRule(rtnetlink, rule);
		rtnetlink.flush();
		t.deepEqual(listRules(namespace), before);
	},
	title: (_, rule, expected) => `IPv${rule.family} ${expected}`,
});

function bigint(_key: string, value: unknown): unknown {
	return typeof value === 'bigint' ? value.toString() : value;
}

test.serial(kept, {family: 4, from: parsePrefix('10.1.0.0/16'), table: 100, priority: 1000}, '1000: from 10.1.0.0/16 lookup 100 proto static');
test.serial(kept, {family: 4, to: parsePrefix('10.1.2.3'), table: 70_000, priority: 1001}, '1001: from all to 10.1.2.3 lookup 70000 proto static');
test.serial(kept, {family: 4, interface: 'lo', table: 100, priority: 1002}, '1002: from all iif lo lookup 100 proto static');
test.serial(kept, {family: 4, mark: {value: 5, mask: 0xFF}, table: 100, priority: 1003}, '1003: from all fwmark 0x5/0xff lookup 100 proto static');
test.serial(kept, {family: 4, type: 'prohibit', from: parsePrefix('10.9.0.0/16'), priority: 1004}, '1004: from 10.9.0.0/16 prohibit proto static');
test.serial(kept, {family: 6, from: parsePrefix('fd01::/64'), to: parsePrefix('fd02::1'), table: 100, priority: 1005}, '1005: from fd01::/64 to fd02::1 lookup 100 proto static');

test.serial('without a priority the kernel puts a rule before all others but the first', t => {
	using rtnetlink = new Rtnetlink(namespace);
	addRule(rtnetlink, {family: 4, to: parsePrefix('10.5.0.0/16'), table: 5});
	rtnetlink.flush();
	t.deepEqual(listRules(namespace).filter(({family}) => family === 4).map(({priority, table}) => [priority, table]), [[0, 255], [32_765, 5], [32_766, 254], [32_767, 253]]);
});

const foreign = test.macro<[words: string, expected: object]>({
	async exec(t, words, expected) {
		await run(['ip', 'rule', 'add', ...words.split(' '), 'priority', '2000'], {namespace});
		try {
			const {isInverted, others, suppress} = listRules(namespace).find(({priority}) => priority === 2000) ?? {};
			t.deepEqual({isInverted, others, suppress}, {isInverted: undefined, others: undefined, suppress: undefined, ...expected});
		} finally {
			await run(['ip', 'rule', 'del', 'priority', '2000'], {namespace});
		}
	},
	title: (_, words) => `of another program: ${words}`,
});

test.serial(foreign, 'not from 10.1.0.0/16 table 100', {isInverted: true});
test.serial(foreign, 'tos 0x10 table 100', {others: ['tos 0x10']});
test.serial(foreign, 'oif lo ipproto tcp sport 53 dport 80-90 table 100', {others: ['oif lo', 'ipproto tcp', 'sport 53', 'dport 80-90']});
test.serial(foreign, 'uidrange 0-5 table 100', {others: ['uidrange 0-5']});
test.serial(foreign, 'table main suppress_prefixlength 0', {suppress: 0});
