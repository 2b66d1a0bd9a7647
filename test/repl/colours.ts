/** Colours are for terminals, unless whoever sits there wants none; see no-color.org. */
import test from 'ava';
import {Terminal} from '../helpers/terminal.ts';
import {uniqueName} from '../helpers/names.ts';

for (const [title, variables, coloured] of [['mistakes are red at a terminal', [], true], ['with NO_COLOR=1 nothing has a colour', ['NO_COLOR=1'], false]] as const) {
	test.serial(title, async t => {
		const terminal = new Terminal();
		t.teardown(async () => terminal.close());
		await terminal.start(['env', ...variables, 'node', 'bin/securenet.js', 'run', 'single,2', '--switch', 'bridge', '--name', uniqueName()]);
		await terminal.shows(/^securenet>$/m);
		await terminal.line('pingal');
		await terminal.shows(/no command[^]*securenet>$/);
		await terminal.line('exit');
		t.is(await terminal.exitStatus(), 0);
		const screen = await terminal.screen({escapes: true});
		t.regex(screen, /There is no command/);
		t.is(/\u001B\[[\d;]*m/.test(screen), coloured, screen);
	});
}
