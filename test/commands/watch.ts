/** `flows` and `rules`, once and again and again. */
import test from 'ava';
import {runLine} from '../../lib/commands/run-line.ts';
import {watchText} from '../../lib/commands/watch.ts';
import {stageNamed, stageOf} from '../../lib/drivers/pipeline.ts';
import {pingAll} from '../../lib/index.ts';
import SecureNet from '../../topologies/securenet.ts';
import {labOf} from '../helpers/scenario.ts';

const lines = (first: number, second: number) => new Map([
	['s1', [
		{text: 'table=8 priority=3 ip actions=drop', sentence: 'deny any to any', packets: first, rule: 1},
		{text: 'table=8 priority=3 ipv6 actions=drop', sentence: 'deny any to any', packets: 1, rule: 1},
		{text: 'table=9 priority=0 actions=drop', sentence: 'default', packets: 0},
	]],
	['fw', [{text: 'iptables -A PFW -j DROP', sentence: undefined, packets: second}]],
]);

test('lines of a sentence count together; silent ones are left out unless they are asked for', t => {
	t.is(watchText({lines: lines(4, 2), at: 3000}, undefined, false), `
device  where    hits  /s   sentence
s1      8 rules  5     0.0  deny any to any
fw      PFW      2     0.0  iptables -A PFW -j DROP`.slice(1));
	t.is(watchText({lines: lines(9, 2), at: 5000}, {lines: lines(4, 2), at: 3000}, true), `
device  where       hits  /s   sentence
s1      8 rules     10    2.5  deny any to any
s1      9 defaults  0     0.0  default
fw      PFW         2     0.0  iptables -A PFW -j DROP`.slice(1));
});

test('tables have names', t => {
	t.is(stageNamed('table=0 priority=1 actions=drop'), 'table=0 classify priority=1 actions=drop');
	t.is(stageNamed('table=99 priority=1 actions=drop'), 'table=99 priority=1 actions=drop');
	t.is(stageNamed('iptables -A PFW'), 'iptables -A PFW');
	t.is(stageOf('iptables -A PFW'), undefined);
});

test.serial('blocks are shown until the user interrupts', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'secrule add allow h11 to web icmp');
	for (const [line, row] of [['flows s1 --watch', /^s1 +8 rules +1 +1\.0|^s1 +8 rules +1 +0\.\d +allow h11 to web icmp$/m], ['rules --all --watch', /^fw +PFW-ISOLATION +0 +0\.0 +default: isolation bound$/m]] as const) {
		const user = new AbortController();
		const shown: string[] = [];
		const show = (text: string, over?: boolean) => {
			t.true(over);
			shown.push(text);
			if (shown.length === 3) {
				user.abort();
			}
		};

		const [result] = await Promise.all([runLine(lab, line, {signal: user.signal, show}), pingAll(lab.network, {pairs: [['h11', 'h10']]})]);
		t.deepEqual([result?.ok, result?.text, result?.result], [true, '', []]);
		t.is(shown.length, 3);
		t.regex(shown.join('\n'), row);
	}

	await t.throwsAsync(lab.run('flows --watch'), {code: 'watch'});
	await t.throwsAsync(lab.run('flows --wach'), {code: 'unknown-switch'});
});
