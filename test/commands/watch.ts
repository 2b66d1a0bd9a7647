/** `flows` and `rules`, once and again and again. */
import test from 'ava';
import {type DeviceListing, listingText, rated, ratesText, withoutSilent} from '../../lib/commands/installed-lines.ts';
import {runLine} from '../../lib/commands/run-line.ts';
import {stageNamed, stageOf} from '../../lib/drivers/pipeline.ts';
import {pingAll} from '../../lib/index.ts';
import SecureNet from '../../topologies/securenet.ts';
import {labOf} from '../helpers/scenario.ts';

const lines = (first: number, second: number) => new Map([
	['s1', [
		{text: 'table=8 priority=3 ip actions=drop', sentence: 'deny any to any', packets: first, rule: 1},
		{text: 'table=8 priority=3 ipv6 actions=drop', sentence: 'deny any to any', packets: 0},
		{text: 'table=8 priority=2 ip actions=drop', sentence: 'deny h1 to any', packets: 0, rule: 2},
		{text: 'table=9 priority=0 actions=drop', sentence: 'default', packets: 0},
		{text: 'table=10 priority=0 actions=drop', sentence: 'default', packets: second},
	]],
	['fw', [
		{text: 'iptables -A PFW -j ACCEPT', sentence: undefined, packets: 0},
		{text: 'iptables -A PFW -j ACCEPT', sentence: undefined, packets: second},
	]],
]);

const sentences = new Set(['deny any to any', 'deny h1 to any']);

test('built-in lines without hits are left out and counted; those of rules and those of nobody are shown', t => {
	const listings = rated({lines: lines(5, 2), at: 3000}, undefined).map(each => withoutSilent(each, sentences));
	t.is(listings.map(each => listingText(each, 'flows')).join('\n'), `
s1:
  5  table=8 rules priority=3 ip actions=drop  # deny any to any
  0  table=8 rules priority=3 ipv6 actions=drop  # deny any to any
  0  table=8 rules priority=2 ip actions=drop  # deny h1 to any
  2  table=10 isolation priority=0 actions=drop  # default
  1 more without hits: flows s1 --all
fw:
  0  iptables -A PFW -j ACCEPT
  2  iptables -A PFW -j ACCEPT`.slice(1));
});

test('each line has its own rate, as soon as it has been looked at twice', t => {
	const last = {lines: lines(4, 2), at: 3000};
	t.is(ratesText(rated(last, undefined)).split('\n')[1], 's1      4     -   deny any to any  table=8 rules priority=3 ip actions=drop');
	t.is(ratesText(rated({lines: new Map([...lines(9, 3), ['s2', [{text: 'table=9 priority=0 actions=drop', sentence: 'default', packets: 7}]]]), at: 5000}, last)), `
device  hits  /s   sentence         line
s1      9     2.5  deny any to any  table=8 rules priority=3 ip actions=drop
s1      0     0.0  deny any to any  table=8 rules priority=3 ipv6 actions=drop
s1      0     0.0  deny h1 to any   table=8 rules priority=2 ip actions=drop
s1      0     0.0  default          table=9 defaults priority=0 actions=drop
s1      3     0.5  default          table=10 isolation priority=0 actions=drop
fw      0     0.0                   iptables -A PFW -j ACCEPT
fw      3     0.5                   iptables -A PFW -j ACCEPT
s2      7     -    default          table=9 defaults priority=0 actions=drop`.slice(1));
});

test('tables have names', t => {
	t.is(stageNamed('table=0 priority=1 actions=drop'), 'table=0 classify priority=1 actions=drop');
	t.is(stageNamed('table=99 priority=1 actions=drop'), 'table=99 priority=1 actions=drop');
	t.is(stageNamed('iptables -A PFW'), 'iptables -A PFW');
	t.is(stageOf('iptables -A PFW'), undefined);
});

test.serial('a listing leaves out what is silent and built in, unless it is asked for', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'secrule add allow h11 to web icmp', 'secrule add deny h20 to web');
	await lab.node('fw').run`iptables -A FORWARD -p udp --dport 9 -j ACCEPT`;
	await pingAll(lab.network, {pairs: [['h11', 'h10']]});
	for (const line of ['flows s1', 'rules fw']) {
		const [short, long] = (await lab.run(line, `${line} --all`)).map(({result}) => (result as readonly DeviceListing[])[0]);
		const left = long?.lines.filter(({text}) => short?.lines.every(each => each.text !== text) === true) ?? [];
		t.true(left.length > 0, line);
		t.deepEqual([short?.silent, long?.silent], [left.length, 0], line);
		t.deepEqual(left.filter(({packets, rule, sentence}) => packets > 0 || rule !== undefined || sentence === undefined || sentence.startsWith('deny')), [], line);
		t.true(short?.lines.some(({rule, packets}) => rule === 2 && packets === 0), line);
	}

	const [rules] = await lab.run('rules fw');
	t.regex(rules?.text ?? '', /^ {2}0 {2}iptables -A FORWARD -p udp -m udp --dport 9 -j ACCEPT$/m);
	t.regex(rules?.text ?? '', /^ {2}\d+ more without hits: rules fw --all$/m);
});

test.serial('blocks are shown until the user interrupts', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'secrule add allow h11 to web icmp');
	for (const [line, row] of [['flows s1 --watch', /^s1 +1 +(?:1\.0|0\.\d) +allow h11 to web icmp +table=8 rules /m], ['rules --all --watch', /^fw +0 +0\.0 +default: isolation bound +iptables -A PFW-ISOLATION /m]] as const) {
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

	await t.throwsAsync(lab.run('flows --wach'), {code: 'unknown-switch'});
});

test.serial('where only the result is seen, such as with --json, two looks tell the rate', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'secrule add allow h11 to web icmp stateless', 'secrule add allow web to h11 icmp stateless', 'h11 sh -c "exec ping -i 0.1 10.0.10.10 > /dev/null" &', 'h11 ping -c 3 -i 0.1 h10');
	const [json, text, once] = await lab.run('flows s1 --watch --json', 'flows s1 --watch', 'flows s1');
	const [listing] = JSON.parse(json?.text ?? '') as DeviceListing[];
	t.true((listing?.lines.find(({rule}) => rule === 1)?.rate ?? 0) > 0);
	t.regex(text?.text ?? '', /^device +hits +\/s +sentence +line\n(?:.*\n)*s1 +\d+ +[1-9]\d*\.\d +allow h11 to web icmp stateless +table=8 rules /);
	t.deepEqual((once?.result as readonly DeviceListing[])[0]?.lines.filter(({rate}) => rate !== undefined), []);
});
