/** What the prompt answers to lines that newcomers write: what they should have been. */
import test from 'ava';
import {readText} from '../../lib/commands/run-line.ts';
import type {SecruleAddResult} from '../../lib/commands/secrule.ts';
import {firewallNamed} from '../../lib/topology/firewalls.ts';
import {InputError} from '../../lib/util/errors.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {scene} from '../helpers/scene.ts';
import {labOf} from '../helpers/scenario.ts';

const says = test.macro({
	title: (_, line: string, message: RegExp) => `"${line}" is answered by ${message.source}`,
	exec(t, line: string, message: RegExp) {
		t.throws(() => readText(line, scene), {instanceOf: InputError, message});
	},
});

test(says, 'ping h10', /^There is no command or node "ping"\. Write: NODE ping …, or pingall, or pingpair\.$/);
test(says, 'traceroute h10', /Write: NODE traceroute …\.$/);
test(says, 'h10 cat a | wc', /^"\|" is for a shell, and there is none here\. Write h10 sh -c '…'/);
test(says, 'h10 killall iperf', /^killall ends processes of the whole machine, not only those of h10\. Write h10 sh -c 'pkill --ns \$\$ --nslist net PROGRAM' for its own, or quote the word to mean all\.$/);
test(says, 'add tunnel h10 via gre', /^The second node is missing\. Write: add tunnel h10 NODE via gre\.$/);
test(says, 'add tunnel h10 h11 via vxlan vni 4 key 3', /Only gre takes key\./);
test(says, 'add tunnel h10 h11 via vxlan layer2', /Only gre and ssh take layer2\./);
test(says, 'del tunnel h10 h11', /Write: del link A B\.$/);
test(says, 'explain h10 h11 tcp 0', /^"0" is no port\. Give 1 to 65535\.$/);
test(says, 'matrix udp 53 sport 0', /^"0" is no port\. Give 1 to 65535\.$/);
test(says, 'secrule add allow any to any icmp type echo', /Did you mean echo-reply or echo-request\?/);

test.serial('a rule whose sides have no family in common is refused', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1'));
	await t.throwsAsync(lab.run('secrule add allow fd00::1 to 10.0.0.1'), {code: 'families', message: /^fd00::1 is IPv6 and 10\.0\.0\.1 is IPv4: no packet goes from one to the other\./});
	await t.throwsAsync(lab.run('secrule add allow (10.0.0.0/8, 10.9.0.1) to (fd00::1, fd00::2) tcp'), {code: 'families'});
	await lab.run('secrule add allow (fd00::1, 10.0.0.1) to 10.0.0.2', 'secrule add allow not fd00::1 to 10.0.0.2', 'secrule add allow any to fd00::1');
	t.is(lab.policy.rules.length, 3);
});

test('the beginning of a driver\'s name is told its end', t => {
	t.throws(() => firewallNamed('iptables'), {instanceOf: InputError, message: /Did you mean iptables-perimeter\?/});
});

test.serial('a rule that an earlier one already says is taken, and it is told which', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1'));
	const lines = ['deny h1 to h2 tcp', 'allow h1 to h2 tcp', 'allow h1 to h2 tcp stateless', 'deny h1 to h2 tcp prio 5', 'deny h1 to h2 tcp name again comment "twice"'];
	const results = await lab.run(...lines.map(line => `secrule add ${line}`));
	t.deepEqual(results.map(({result}) => (result as SecruleAddResult).warnings), [undefined, undefined, undefined, undefined, ['Rule 4 already says this.']]);
	t.regex(results.at(-1)?.text ?? '', /\nwarning: Rule 4 already says this\.$/);
});
