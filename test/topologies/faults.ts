/** What goes wrong in a running lab is a sentence that names it; nothing hangs, nothing is half done. */
import {readdirSync, readFileSync} from 'node:fs';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {type DriverFactory, type Lab, SecureNetError, standardDrivers} from '../../lib/index.ts';
import {restoreSets, saveSets} from '../../lib/kernel/ipset.ts';
import {runLine} from '../../lib/commands/run-line.ts';
import {addRule} from '../../lib/policy/repository.ts';
import SecureNet from '../../topologies/securenet.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {connects, isBlocked, labOf} from '../helpers/scenario.ts';

/** What is installed on a device, without counts and sentences; flows of one priority have no order. */
async function textOf(lab: Lab, device: string): Promise<string[]> {
	return ((await lab.installed([device])).get(device) ?? []).map(({text}) => text).sort();
}

/** The change is refused with a message that matches, and neither policy nor devices are any different. */
async function isRefused(t: ExecutionContext, lab: Lab, line: string, message: RegExp, devices: readonly string[]): Promise<void> {
	const policy = lab.policy;
	const before = await Promise.all(devices.map(async device => textOf(lab, device)));
	const error = await t.throwsAsync(lab.run(line), {instanceOf: SecureNetError});
	t.regex(error.message, message);
	t.is(lab.policy, policy);
	t.deepEqual(await Promise.all(devices.map(async device => textOf(lab, device))), before);
}

test.serial('a firewall that refuses is named with its own words, and the switches keep what they had', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind sg1', 'h20 bind sg2', 'secrule add allow sg1 to sg2', 'ipg add office 10.0.30.0/24', 'secrule add allow office to sg2');
	const [, name = '', generation = ''] = /(ipg:office\.\w+)\.(\d+)\.4/.exec((await textOf(lab, 'fw')).join('\n')) ?? [];
	await lab.run('secrule del 2');
	// Somebody else takes the names that the set may get next.
	for (let next = 0; next < 20; next++) {
		await lab.node('fw').run`ipset -exist create ${name}.${Number(generation) + next}.4 hash:ip,port`;
	}

	await isRefused(t, lab, 'secrule add allow office to sg2', /^fw refuses .*nothing has changed.*ipset/s, ['fw', 's1', 's2', 's3']);
	t.true(await connects(lab, 'h10', 'h20'));
	t.true(await isBlocked(lab, 'h30', 'h20'));
});

test.serial('an address set that somebody else has changed: a refused change leaves none of itself, and the next one works', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind sg1', 'h20 bind sg2', 'secrule add allow sg1 to sg2');
	const saved = async () => (await saveSets(lab.node('fw').namespace)).map(line => line.replace(/ hashsize.*/, '')).sort();
	const before = await saved();
	const bound = /^create (bound\.\S+\.4) /m.exec(before.join('\n'))?.[1] ?? '';
	// Somebody puts a set in its place that has no room for a third host.
	const elements = before.filter(line => line.startsWith(`add ${bound} `)).map(line => line.replace(bound, 'small'));
	await restoreSets(lab.node('fw').namespace, ['create small hash:net maxelem 2', ...elements, `swap small ${bound}`, 'destroy small']);
	await isRefused(t, lab, 'h30 bind sg1', /^fw refuses .*nothing has changed.*the set is full/s, ['fw', 's1', 's2', 's3']);
	t.deepEqual(await saved(), before);
	t.true(await isBlocked(lab, 'h30', 'h20'));
	await lab.run('h30 bind sg1');
	t.true(await connects(lab, 'h30', 'h20'));
});

test.serial('a switch daemon that is gone is named; the firewall keeps what it had, and the lab still goes down', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind sg1', 'h20 bind sg2', 'secrule add allow sg1 to sg2');
	const failed = new Promise<SecureNetError>(resolve => {
		lab.once('failure', resolve);
	});
	const daemon = daemonsOf(lab.name).find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('ovs-vswitchd'));
	process.kill(daemon ?? 0, 'SIGKILL');
	t.regex((await failed).message, /ovs-vswitchd ended unexpectedly \(SIGKILL\)/);
	await isRefused(t, lab, 'secrule add deny h10 to h20', /s\d refuses.*nothing has changed/s, ['fw']);
	await lab.down();
	t.deepEqual((await machine(lab.name)).namespaces, []);
});

test.serial('a switch that changes and does not say so has the old policy again, at the latest with the next change', async t => {
	let silent: 'once' | 'always' | 'never' = 'never';
	const create: DriverFactory = context => {
		const driver = standardDrivers.switch(context);
		return {
			...driver,
			async apply(step) {
				await driver.apply(step);
				if (step.device === 's2' && silent !== 'never') {
					silent = silent === 'once' ? 'never' : silent;
					throw new SecureNetError('device', 's2 is silent');
				}
			},
		};
	};

	const lab = await labOf(t, new SecureNet(), {drivers: {switch: create}});
	await lab.run('h10 bind sg1', 'h20 bind sg2', 'secrule add allow sg1 to sg2 icmp rate 100/s');
	const devices = ['fw', 's1', 's2', 's3'];
	const texts = async () => Promise.all(devices.map(async device => textOf(lab, device)));
	const before = await texts();
	silent = 'once';
	await isRefused(t, lab, 'secrule add deny h10 to h20 prio 1', /^s2 is silent$/, devices);
	silent = 'always';
	await t.throwsAsync(lab.run('secrule add deny h10 to h20 prio 1'), {code: 'put-back', message: /^s2 is silent\ns2 may have the new policy: s2 is silent\n/});
	t.is(lab.policy.rules.length, 1);
	silent = 'never';
	t.deepEqual((await lab.change(policy => policy)).devices, ['s2']);
	t.deepEqual(await texts(), before);
	t.true(await connects(lab, 'h10', 'h20'));
});

test.serial('what is asked while the policy changes is answered by the changed policy', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h20 bind db');
	const change = lab.change(policy => addRule(policy, {action: 'allow', from: {kind: 'any'}, to: {kind: 'group', name: 'db'}}));
	const looks = Promise.all([lab.installed(['s2']), lab.hits(), lab.plan(policy => policy), lab.resetHits()]);
	await change;
	const [installed, hits, plan] = await looks;
	t.true(installed.get('s2')?.some(({rule}) => rule === 1));
	t.deepEqual([...hits], [[1, 0]]);
	t.deepEqual([plan.before, plan.devices], [lab.policy, []]);
});

test.serial('what a device cannot do is refused before anything changes', async t => {
	const lab = await labOf(t, new SecureNet());
	const switches = await textOf(lab, 's1');
	const forged = lab.change(policy => addRule({...policy, nextId: 2 ** 20}, {action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}}));
	await t.throwsAsync(forged, {message: /s1: a switch holds at most 1048575 rule ids/});
	t.deepEqual(await textOf(lab, 's1'), switches);
	t.true(await connects(lab, 'h10', 'h11'));
});

const hostile = [
	'h10 bind a;reboot', 'h10 bind $(id)', 'h10 bind `id`', 'h10 bind ../../x', 'h10 bind "a b"', 'h10 bind "a\nb"', 'h10 bind \u001B[2J', `h10 bind ${'x'.repeat(10_000)}`,
	'secrule add allow $(id) to any', 'secrule add allow any to "any; reboot"', 'ipg add x $(id)', 'ipg add x 10.0.0.1;id', `ipg add ${'y'.repeat(10_000)}`, 'ipg add -x 10.0.0.1', 'sg add --help', 'sg add a,b',
	'h10 bind "', '\u0000', 'h10 \u0000', 'link h10 $(id) down', 'source /etc/shadow', 'source $(id)',
] as const;

test.serial('hostile lines reach no shell, change nothing and get a printable message', async t => {
	const lab = await labOf(t, new SecureNet());
	for (const line of hostile) {
		const policy = lab.policy;
		const result = await runLine(lab, line);
		t.false(result?.ok ?? false, line);
		t.is(lab.policy, policy, line);
		const message = result?.error instanceof Error ? result.error.message : JSON.stringify(result?.result ?? '');
		t.notRegex(message, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/, line);
		t.true(message.length < 2000, line);
	}
});

const word = fc.oneof(
	fc.constantFrom('h10', 'h11', 'fw', 's1', 'sg1', 'sg2', 'bind', 'unbind', 'secrule', 'add', 'del', 'list', 'show', 'ipg', 'allow', 'deny', 'any', 'to', '10.0.0.0/8', '!10.0.0.1', '1', '2', 'sg', 'sghosts', 'nodes', 'net', 'links', 'ports', 'intfs', 'dump', 'help', '--json', '#', '"', '\'', '\\', '-', 'time'),
	fc.string({maxLength: 12}),
);

test.serial('random lines never end the lab, and every failure has a message', async t => {
	const lab = await labOf(t, new SecureNet());
	const lines = fc.sample(fc.array(word, {maxLength: 6}).map(words => words.join(' ')), {seed: 7, numRuns: 10_000}).filter(line => !/^[\s-]*(exit|quit|EOF)/.test(line));
	const before = readdirSync('/proc/self/fd').length;
	for (const line of lines) {
		const result = await runLine(lab, line);
		if (result && !result.ok) {
			t.true((result.error?.message ?? JSON.stringify(result.result)).length > 0, line);
			t.not(result.error?.code, 'internal', line);
		}
	}

	t.true(readdirSync('/proc/self/fd').length <= before + 3);
	await lab.run('nodes');
});
