/** A change of rules that is held back happens when it is told to, and else never. */
import {mkdtempSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import anyTest, {type TestFn} from 'ava';
import {holdRestore} from '../../lib/kernel/held-restore.ts';
import type {HeldRestore} from '../../lib/kernel/held-restore.ts';
import {RulesError, restore, save} from '../../lib/kernel/iptables.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {findProgram} from '../../lib/kernel/programs.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Namespace>;

/** The programs of nf_tables by their plain names, whichever back end this machine has chosen: the legacy one holds the lock of the whole machine from the first line on, so nobody has it hold a text back. */
const programs = mkdtempSync(join(tmpdir(), 'securenet-iptables-'));
for (const name of ['iptables-restore', 'iptables-save', 'ip6tables-restore', 'ip6tables-save']) {
	symlinkSync(findProgram('xtables-nft-multi') ?? '', join(programs, name));
}

process.env['PATH'] = `${programs}:${process.env['PATH'] ?? ''}`;

test.after.always(() => {
	rmSync(programs, {recursive: true});
});
test.beforeEach(t => {
	[t.context] = testNamespaces('held') as [Namespace];
});
test.afterEach.always(t => {
	deleteNamespaces([t.context]);
});

function table(...lines: readonly string[]): string {
	return ['*filter', ...lines, 'COMMIT', ''].join('\n');
}

const chain = table(':PFW - [0:0]', '-A PFW -s 10.0.0.1/32 -j ACCEPT');
const more = table('-I PFW 1 -s 10.0.0.2/32 -j DROP', '-D PFW -s 10.0.0.1/32 -j ACCEPT');

async function hold(namespace: Namespace, text: string, family: 4 | 6 = 4): Promise<HeldRestore> {
	const held = await holdRestore(namespace, family, text);
	if (!held) {
		throw new Error('the program does not say that it has read the text');
	}

	return held;
}

async function rules(namespace: Namespace, family: 4 | 6 = 4): Promise<string[]> {
	return (await save(namespace, family)).split('\n').filter(line => line.includes('-A ')).map(line => line.replace(/^\S+ /, ''));
}

test.serial('nothing happens before the commit', async t => {
	await restore(t.context, 4, chain);
	const held = await hold(t.context, more);
	t.true(held.isWaiting);
	t.deepEqual(await rules(t.context), ['-A PFW -s 10.0.0.1/32 -j ACCEPT']);
	await held.commit();
	t.false(held.isWaiting);
	t.deepEqual(await rules(t.context), ['-A PFW -s 10.0.0.2/32 -j DROP']);
});

test.serial('what is discarded never happens', async t => {
	await restore(t.context, 4, chain);
	const held = await hold(t.context, more);
	await held.discard();
	await held.discard();
	t.false(held.isWaiting);
	t.deepEqual(await rules(t.context), ['-A PFW -s 10.0.0.1/32 -j ACCEPT']);
});

test.serial('both families are held and committed one after the other, whatever else changes meanwhile', async t => {
	await Promise.all([restore(t.context, 4, chain), restore(t.context, 6, table(':PFW - [0:0]', '-A PFW -j ACCEPT'))]);
	const [four, six] = [await hold(t.context, more), await hold(t.context, table('-I PFW 2 -j DROP'), 6)];
	await restore(t.context, 4, table(':OTHER - [0:0]', '-A OTHER -j DROP'));
	await four.commit();
	await six.commit();
	t.deepEqual(await rules(t.context), ['-A OTHER -j DROP', '-A PFW -s 10.0.0.2/32 -j DROP']);
	t.deepEqual(await rules(t.context, 6), ['-A PFW -j ACCEPT', '-A PFW -j DROP']);
});

test.serial('a refused line is named, before the rest of a long text was read', async t => {
	const lines = Array.from({length: 5000}, (_, index) => `-A PFW -s 10.0.${index >> 8}.${index & 0xFF} -j DROP`);
	const error = await t.throwsAsync(holdRestore(t.context, 4, table(':PFW - [0:0]', '-A PFW --frob', ...lines)), {instanceOf: RulesError, message: /iptables-restore refuses "-A PFW --frob": unknown option "--frob"$/});
	t.is(error.place, t.context.name);
	t.deepEqual(await rules(t.context), []);
});

test.serial('a change that no longer fits is refused as a whole', async t => {
	await restore(t.context, 4, chain);
	const held = await hold(t.context, more);
	await restore(t.context, 4, table('-F PFW'));
	await t.throwsAsync(held.commit(), {instanceOf: RulesError});
	t.deepEqual(await rules(t.context), []);
});
