/** `check` also reads the policy that a topology begins with. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {securenet} from '../helpers/cli.ts';

test('a policy with a mistake is a problem of its topology', async t => {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	const file = join(directory, 'pair.ts');
	writeFileSync(file, `
		import {Topology} from 'securenet';
		export default class Pair extends Topology {
			policy = ['secrule add allow h1 to h3'];
			build() {
				this.addLink(this.addHost('h1'), this.addHost('h2'));
			}
		}
	`);
	const {stdout, exitCode} = await securenet(['check', file]);
	t.regex(stdout, /pair\.ts: The policy of topology pair has mistakes:\n {2}secrule add allow h1 to h3: There is no .*"h3"/);
	t.is(exitCode, 2);
});
