/** A file that is written whole keeps what is the user's about it: its mode, its owner, the link that leads to it. */
import {chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {writeWhole} from '../../lib/commands/write-whole.ts';

function directoryOf(t: ExecutionContext): string {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	return directory;
}

function modeOf(path: string): string {
	return (statSync(path).mode & 0o7777).toString(8);
}

test('a new file can be read by everybody', async t => {
	const path = join(directoryOf(t), 'new');
	const before = process.umask(0o077);
	await writeWhole(path, 'text\n');
	process.umask(before);
	t.is(modeOf(path), '644');
	t.is(readFileSync(path, 'utf8'), 'text\n');
});

for (const mode of ['600', '640', '664']) {
	test(`a file of mode ${mode} keeps it`, async t => {
		const directory = directoryOf(t);
		const path = join(directory, 'secret');
		writeFileSync(path, 'before');
		chmodSync(path, Number.parseInt(mode, 8));
		await writeWhole(path, 'after');
		t.is(modeOf(path), mode);
		t.is(readFileSync(path, 'utf8'), 'after');
		t.deepEqual(readdirSync(directory), ['secret']);
	});
}

/** Only root may give files away; anybody else has their own. */
const owner = process.getuid?.() === 0 ? [1234, 5678] as const : [process.getuid?.() ?? 0, process.getgid?.() ?? 0] as const;

test('a file keeps its owner', async t => {
	const path = join(directoryOf(t), 'theirs');
	writeFileSync(path, 'before');
	chownSync(path, ...owner);
	chmodSync(path, 0o600);
	await writeWhole(path, 'after');
	const {uid, gid} = statSync(path);
	t.deepEqual([uid, gid, modeOf(path)], [...owner, '600']);
});

test('a link to a file leads to the file as before', async t => {
	const directory = directoryOf(t);
	mkdirSync(join(directory, 'there'));
	const target = join(directory, 'there', 'target');
	writeFileSync(target, 'before', {mode: 0o600});
	symlinkSync(target, join(directory, 'link'));
	await writeWhole(join(directory, 'link'), 'after');
	t.true(lstatSync(join(directory, 'link')).isSymbolicLink());
	t.is(readFileSync(target, 'utf8'), 'after');
	t.is(modeOf(target), '600');
	t.deepEqual(readdirSync(join(directory, 'there')), ['target']);
});

test('a link that leads nowhere is neither followed nor replaced', async t => {
	const directory = directoryOf(t);
	const path = join(directory, 'link');
	symlinkSync('nowhere', path);
	await t.throwsAsync(writeWhole(path, 'text', 7), {code: 'file', message: /link cannot be written: it is a link to nowhere, where nothing is\. Name the file itself\./});
	t.true(lstatSync(path).isSymbolicLink());
	t.deepEqual(readdirSync(directory), ['link']);
});

test('a link to itself is refused', async t => {
	const path = join(directoryOf(t), 'link');
	symlinkSync('link', path);
	await t.throwsAsync(writeWhole(path, 'text'), {code: 'file', message: /ELOOP/});
});
