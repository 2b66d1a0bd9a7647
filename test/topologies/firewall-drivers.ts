/** The two-host test: what each driver opens and what it keeps closed, on real packets and a real netcat. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import FirewallDrivers from '../../topologies/firewall-drivers.ts';
import {securenet} from '../helpers/cli.ts';
import {uniqueName} from '../helpers/names.ts';
import {longPatience} from '../helpers/patience.ts';
import {connects, isBlocked, labOf, openPairs} from '../helpers/scenario.ts';

/** Whether a TCP connection from h1 to h2 is made. */
async function opens(lab: Lab, port: number, patience = 5): Promise<boolean> {
	const {exitCode} = await lab.node('h1').execute(['nc', '-z', '-w', String(patience), lab.node('h2').address ?? '', String(port)]);
	return exitCode === 0;
}

for (const driver of ['sg', 'fwaas', 'both'] as const) {
	test.serial(`${driver} opens what rules allow, and nothing else`, async t => {
		const lab = await labOf(t, new FirewallDrivers({driver, steps: true}));
		t.deepEqual([...lab.firewalls], [['s1', driver]]);
		await lab.run('h2 nc -l -k 8000 &', 'h2 nc -l -k 8001 &');
		t.deepEqual(await openPairs(lab), []);
		await lab.run('secrule add allow h1 to h2 icmp', 'secrule add allow h1 to h2 tcp dport 8000');
		t.deepEqual(await openPairs(lab), ['h1>h2']);
		t.true(await opens(lab, 8000));
		t.false(await opens(lab, 8001, 1));
		t.deepEqual([...await lab.hits()], [[1, 1], [2, 1]]);
	});
}

for (const driver of ['fwaas', 'both'] as const) {
	test.serial(`${driver} judges by the order of the rules`, async t => {
		const lab = await labOf(t, new FirewallDrivers({driver, steps: true}));
		await lab.run('secrule add allow h1 to h2 icmp', 'secrule add deny h1 to any', 'secrule add allow any to h2');
		t.true(await connects(lab, 'h1', 'h2'));
		await lab.run('secrule move 2 before 1');
		t.true(await isBlocked(lab, 'h1', 'h2'));
	});
}

/** A listener may not listen yet. */
const asks = (from: string, to: string) => `${from} timeout ${longPatience / 1000} sh -c "until nc -z -w 5 ${to} 8000; do sleep 0.1; done"`;

for (const driver of ['sg', 'fwaas', 'both'] as const) {
	test.serial(`run plainly under ${driver}, pings and port 8000 pass, where a netcat listens in both hosts`, async t => {
		const lines = ['pingall', asks('h1', '10.0.0.2'), asks('h2', '10.0.0.1'), '- h1 nc -z -v -w 1 h2 8001', 'secrule list'];
		const {stdout, stderr} = await securenet(['run', 'topologies/firewall-drivers.ts', '--driver', driver, '--name', uniqueName()], {input: lines.join('\n')});
		t.is(stderr, '');
		const [, ...steps] = stdout.split(/^securenet> /m);
		t.deepEqual(steps.map(step => step.split('\n')[0]), [...new FirewallDrivers().steps]);
		t.regex(stdout, /^2 of 2 received, 0 lost$/m);
		t.regex(stdout, /port 8001 \(tcp\) timed out/);
		t.regex(stdout, /^2 +allow any to any tcp dport 8000 +[2-9]\d*$/m);
	});
}

test.serial('with --steps each step is taken, and only the rules are enough', async t => {
	const story = new FirewallDrivers({steps: true});
	const lab = await labOf(t, story);
	t.deepEqual(lab.policy.rules, []);
	const results = await lab.run(...story.steps);
	t.deepEqual(results.filter(({ok}) => !ok).map(({line}) => line), story.steps.filter(step => step.startsWith('-')));
});
