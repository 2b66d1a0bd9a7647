/** How `scripts/vm/run` finds the kernels that boot here, and what it says of those that do not: with programs that end instead of booting. */
import {existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {release, tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {text} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {execa} from 'execa';
import {eventually} from '../helpers/eventually.ts';
import {longPatience} from '../helpers/patience.ts';

/** A user's cache and programs, and none of them can be downloaded. */
function machine(t: ExecutionContext) {
	const home = mkdtempSync(join(tmpdir(), 'vm-kernels-'));
	t.teardown(() => {
		rmSync(home, {recursive: true});
	});
	const cache = join(home, 'securenet-vm');
	const programs = join(home, 'bin');
	const program = (path: string, commands: string) => {
		mkdirSync(dirname(path), {recursive: true});
		writeFileSync(path, `#!/bin/sh\n${commands}\n`, {mode: 0o755});
	};
	program(join(programs, 'apt-get'), 'echo "E: no way to the archive" >&2\nexit 100');
	return {
		cache,
		program,
		programs,
		answers: () => readdirSync(cache).filter(name => name.startsWith('boots-')),
		run: (...args: readonly string[]) => execa('scripts/vm/run', [...args, '--', 'true'], {
			reject: false, stdin: 'ignore', buffer: {stdout: false}, timeout: longPatience, env: {PATH: `${programs}:${process.env['PATH'] ?? ''}`, XDG_CACHE_HOME: home},
		}),
	};
}

test('a download that fails says why, and bars no kernel for the next time', async t => {
	const {cache, answers, run} = machine(t);
	// A machine that has QEMU of its own needs no download for it before the kernel's.
	const {exitCode, stderr} = await run();
	t.is(exitCode, 125);
	t.regex(stderr, /E: no way to the archive\n(?:.*\n)*vm: These packages cannot be downloaded: user-mode-linux\./);
	t.deepEqual(answers(), []);
	t.deepEqual(readdirSync(cache).filter(name => name.startsWith('new.')), []);
});

test('a kernel that does not boot is tried once, and the file that says so is named', async t => {
	const {cache, program, answers, run} = machine(t);
	program(join(cache, 'linux-uml'), 'echo "no memory for it" >&2\nexit 1');
	const answer = join(cache, `boots-uml-${release()}`);
	const first = await run();
	t.is(first.exitCode, 125);
	t.regex(first.stderr, /^vm: trying whether uml boots here \(once\)\nno memory for it$/m);
	t.true(first.stderr.includes(`vm: uml does not boot here. To try it again: rm '${answer}'\n`), first.stderr);
	t.is(readFileSync(answer, 'utf8'), 'no\n');
	t.deepEqual(answers(), [`boots-uml-${release()}`]);
	const second = await run();
	t.is(second.exitCode, 125);
	t.notRegex(second.stderr, /trying whether uml/);
	t.regex(second.stderr, /To try all of them again: rm -f '.*\/securenet-vm'\/boots-\*$/);
});

test('a kernel that has not come up in its time may do so the next time', async t => {
	const {cache, program, answers, run} = machine(t);
	// As watch_boot does, three minutes later.
	program(join(cache, 'linux-uml'), 'for word; do case $word in uml_dir=*) touch "${word#*=}/late";; esac; done\nexit 137');
	const {exitCode, stderr} = await run();
	t.is(exitCode, 125);
	t.regex(stderr, /^vm: The virtual machine \(uml\) has not come up within 180 s\. Try again when this machine has less to do, or another kernel\.$/m);
	t.deepEqual(answers(), []);
	t.is((await run('--kernel', 'uml')).exitCode, 124);
});

/** What QEMU boots, of which nothing is read here, and a QEMU of its own. */
function qemu({cache, program, programs}: ReturnType<typeof machine>, commands: string): void {
	program(join(cache, 'debian', 'bin', 'busybox'), 'exec cat');
	program(join(cache, 'debian', 'vmlinux'), '');
	program(join(cache, 'debian', 'lib', 'modules', '1.0', 'modules.dep'), '');
	program(join(programs, 'qemu-system-x86_64'), commands);
}

test('QEMU that ends before it has opened anything: the run ends, with its message', async t => {
	const host = machine(t);
	qemu(host, 'echo "qemu: no such processor" >&2\nexit 1');
	const {exitCode, stderr} = await host.run('--kernel', 'qemu');
	t.is(exitCode, 125, stderr);
	t.is(stderr, 'qemu: no such processor\nvm: The virtual machine (qemu) ended with status 1 before its command did; its last words are above.');
});

test('a reader who pauses gets every byte of a QEMU that ends meanwhile', async t => {
	const host = machine(t);
	const ended = join(host.cache, 'ended');
	// As QEMU does, it writes what the file takes at once, and what it keeps for later is lost with it.
	qemu(host, `for word; do case $word in file,id=out,*) out=\${word##*=};; esac; done
seq 160000 | dd of="$out" bs=64k iflag=fullblock oflag=nonblock conv=notrunc 2>/dev/null
echo 0 >"\${out%/*}/status"
touch ${ended}`);
	const running = host.run('--kernel', 'qemu');
	running.stdout.pause();
	t.true(await eventually(() => existsSync(ended)));
	const read = await text(running.stdout);
	t.is((await running).exitCode, 0);
	t.is(read.length, 1_008_895);
});
