/** A disk that is full, or that somebody emptied, under the files of a lab: a sentence, and nothing is left. */
import {statfsSync} from 'node:fs';
import {constants} from 'node:os';
import test from 'ava';
import {execa} from 'execa';
import {neighborLimits, rcuExpedited} from '../../lib/network/host-settings.ts';
import {stateDirectory} from '../../lib/network/paths.ts';
import {diskError} from '../../lib/network/state-files.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';

/** Puts copies in the place of the host's settings: what a lab writes down about them beside what others do, nobody could put back. */
const ownSettings = `mount -t tmpfs none /mnt && for setting in ${[...neighborLimits, rcuExpedited].join(' ')}; do
	[ ! -e $setting ] || { copy=$(mktemp -p /mnt) && cat $setting >$copy && mount --bind $copy $setting; } || exit
done`;

/** Runs a lab whose files are on a small disk of its own, and settings too, in a mount namespace of its own. */
async function run(size: string, args: readonly string[]) {
	const small = `${ownSettings} && mount -t tmpfs -o size=${size} none ${stateDirectory} && exec "$@"`;
	const name = uniqueName();
	const before = await machine(name);
	const {exitCode, stdout, stderr} = await execa('unshare', ['--mount', '--propagation', 'slave', 'sh', '-c', small, 'sh', 'node', 'bin/securenet.js', 'run', 'topologies/securenet.ts', '--name', name, ...args], {reject: false, input: ''});
	return {exitCode, stdout, stderr, left: [daemonsOf(name), await machine(name)], nothing: [[], before]};
}

// The journal does not fit, the database does not, or a daemon finds no room while it starts.
for (const size of ['8k', '24k', '40k']) {
	test.serial(`without room for its files a lab of ${size} does not start, and says which disk is full`, async t => {
		const {exitCode, stdout, stderr, left, nothing} = await run(size, ['-c', 'h10 echo up']);
		t.is(stdout, '');
		t.regex(stderr, /^securenet: [^]*\/run\/securenet\/t[^]*[Nn]o space is left[^]* Look with "df \/run\/securenet" and make room, then try again\.$/);
		t.notRegex(stderr, /mistake|^ {4}at /m);
		t.is(exitCode, 3);
		t.deepEqual(left, nothing);
	});
}

test.serial('on a disk that can only be read no lab starts', async t => {
	const {exitCode, stderr, left, nothing} = await run('1m,ro', ['-c', 'h10 echo up']);
	t.regex(stderr, /^securenet: \/run\/securenet\/\S+ cannot be written: that disk can only be read\. Look with "df \/run\/securenet" and make room, then try again\.$/);
	t.is(exitCode, 3);
	t.deepEqual(left, nothing);
});

test('a quota that is used up is told like a full disk', t => {
	const refused = Object.assign(new Error('Unknown system error -122, write'), {errno: -constants.errno.EDQUOT});
	const told = diskError(refused, `${stateDirectory}/lab`);
	t.is(told?.message, '/run/securenet/lab cannot be written: the quota there is used up. Look with "df /run/securenet" and make room, then try again.');
	t.is(told?.exitStatus, 3);
	t.is(diskError(new Error('Something else'), stateDirectory), undefined);
});

test('what there is to look at is there when the lab is gone', t => {
	const refused = Object.assign(new Error('Unknown system error -28, write'), {errno: -constants.errno.ENOSPC});
	t.regex(diskError(refused, `${stateDirectory}/lab/journal.json`)?.message ?? '', /Look with "df \/run\/securenet" and/);
	t.regex(diskError(refused, stateDirectory)?.message ?? '', /Look with "df \/run" and/);
});

test('a file system that counts no blocks is not full', t => {
	t.is(statfsSync('/proc').blocks, 0);
	t.is(diskError(new SecureNetError('internal', 'A program failed.'), '/proc'), undefined);
});

test.serial('on a disk that fills while the lab runs no host can come, rules can, and down leaves nothing', async t => {
	const {exitCode, stdout, stderr, left, nothing} = await run('1m', [`-c-sh dd if=/dev/zero of=${stateDirectory}/fill bs=64k`, '-c-add host h12 s1', '-c', 'h10 bind web', '-c', 'h10 echo on']);
	t.regex(stdout, /^on$/m);
	t.regex(stderr, /journal\.json cannot be written: no space is left there/);
	t.notRegex(stderr, /mistake|^ {4}at /m);
	t.is(exitCode, 0, stderr);
	t.deepEqual(left, nothing);
});

test.serial('of a lab whose files somebody has removed, down leaves nothing all the same', async t => {
	const {exitCode, stderr, left, nothing} = await run('1m', ['-c', `sh find ${stateDirectory} -mindepth 1 -delete`, '-c-add host h12 s1', '-c', 'h10 ping -c 1 -W 5 h11']);
	t.regex(stderr, /journal\.json cannot be written: somebody has removed its directory\. A lab that runs can still be left with "exit"; then start it again\./);
	t.is(exitCode, 0, stderr);
	t.deepEqual(left, nothing);
});
