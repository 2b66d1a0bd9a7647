/** The commands that plan, save, load and count, in a lab that runs. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {InstalledLine, Lab, SecrulePlanResult} from '../../lib/index.ts';
import {policyLines} from '../../lib/policy/save.ts';
import SecureNet from '../../topologies/securenet.ts';
import {connects, isBlocked, isCut, labOf, openStream, staysOpen} from '../helpers/scenario.ts';

/** What is installed everywhere, without counts. */
async function installed(lab: Lab): Promise<string[]> {
	return [...await lab.installed()].flatMap(([device, lines]: [string, readonly InstalledLine[]]) => lines.map(({text}) => `${device} ${text}`)).sort();
}

function directoryOf(t: ExecutionContext): string {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	return directory;
}

test.serial('a plan tells what the rule then does, and changes nothing', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'h20 bind db');
	const [before, policy] = [await installed(lab), lab.policy];
	const [planned] = await lab.run('secrule plan allow web to db icmp');
	const {devices, flips} = planned?.result as SecrulePlanResult;
	t.deepEqual(await installed(lab), before);
	t.is(lab.policy, policy);
	t.true(await isBlocked(lab, 'h10', 'h20'));
	t.deepEqual(flips, [{from: 'h10', to: 'h20', before: 'deny', after: 'allow', packet: 'icmp'}]);

	const [added] = await lab.run('secrule add allow web to db icmp');
	t.like(added?.result, {devices: devices.map(({device}) => device)});
	t.true(await connects(lab, 'h10', 'h20'));
	t.true(devices.every(({added: more, removed}) => more.length + removed.length > 0));
	const after = await lab.run('secrule plan allow web to db icmp');
	t.deepEqual((after[0]?.result as SecrulePlanResult).flips, []);
});

test.serial('hits count from zero after a reset, also when the rule has changed its place', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'h20 bind db', 'secrule add allow web to db icmp', 'secrule add allow any to db tcp');
	const hits = async () => (await lab.hits()).get(1);
	t.true(await connects(lab, 'h10', 'h20'));
	const first = await hits();
	t.true((first ?? 0) > 0);
	await lab.run('secrule stats reset');
	t.is(await hits(), 0);
	await lab.run('secrule move 2 before 1');
	t.is(await hits(), 0);
	t.true(await connects(lab, 'h10', 'h20'));
	t.is(await hits(), first);
});

test.serial('a saved policy loads again: nothing changes on a device, in another lab it is the same', async t => {
	const directory = directoryOf(t);
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'h20 bind db', 'ipg add office 10.0.30.0/24', 'secrule service add shop tcp/80', 'secrule add allow web to db service shop name front', 'secrule add allow office to db icmp');
	const before = await installed(lab);
	await lab.run(`secrule save ${directory}/policy`);
	const [again] = await lab.run(`secrule load ${directory}/policy`);
	t.like(again?.result, {devices: [], cut: 0, rules: 2});
	t.deepEqual(await installed(lab), before);

	const other = await labOf(t, new SecureNet());
	await other.run('h11 bind other', 'secrule add allow any to any', `secrule load ${directory}/policy`);
	t.deepEqual(policyLines(other.policy), policyLines(lab.policy));
	t.true(await connects(other, 'h30', 'h20'));
	t.true(await isBlocked(other, 'h10', 'h20'));
});

test.serial('connections that are no longer allowed run on while they are kept, and end when they are cut', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'h20 bind db', 'secrule add allow web to db tcp dport 5000', 'secrule revoke keep');
	const stream = await openStream(t, lab, 'tcp', 'h10', 'h20');
	await lab.run('secrule clear');
	t.true(await staysOpen(stream));
	const [cut] = await lab.run('secrule revoke cut');
	t.true((cut?.result as {cut: number}).cut > 0);
	t.true(await isCut(stream));
});
