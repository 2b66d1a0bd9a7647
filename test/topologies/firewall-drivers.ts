/** The two-host test: what each driver opens and what it keeps closed, on real packets and a real netcat. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import FirewallDrivers from '../../topologies/firewall-drivers.ts';
import {connects, isBlocked, labOf, openPairs} from '../helpers/scenario.ts';

/** Whether a TCP connection from h1 to h2 is made. */
async function opens(lab: Lab, port: number, patience = 5): Promise<boolean> {
	const {exitCode} = await lab.node('h1').execute(['nc', '-z', '-w', String(patience), lab.node('h2').address ?? '', String(port)]);
	return exitCode === 0;
}

for (const driver of ['sg', 'fwaas', 'both'] as const) {
	test.serial(`${driver} opens what rules allow, and nothing else`, async t => {
		const lab = await labOf(t, new FirewallDrivers({driver}));
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
		const lab = await labOf(t, new FirewallDrivers({driver}));
		await lab.run('secrule add allow h1 to h2 icmp', 'secrule add deny h1 to any', 'secrule add allow any to h2');
		t.true(await connects(lab, 'h1', 'h2'));
		await lab.run('secrule move 2 before 1');
		t.true(await isBlocked(lab, 'h1', 'h2'));
	});
}
