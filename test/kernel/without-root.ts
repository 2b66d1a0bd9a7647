/** Who does not go into a namespace needs no root: verdicts are compared with a datapath of dummy ports by anybody. */
import test from 'ava';
import {execa} from 'execa';

test('nobody starts an Open vSwitch of dummy ports and asks it about packets', async t => {
	const nobody = 65_534;
	const {stdout, stderr} = await execa('node', ['--import=tsx', 'test/fixtures/traces-without-root.ts'], {uid: nobody, gid: nobody, reject: false, input: ''});
	// Without flows of its own it floods: by every port but the first.
	t.regex(stdout, new RegExp(`^${nobody} \\d+(?:,\\d+){11}$`), stderr);
});
