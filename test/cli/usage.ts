import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {execa} from 'execa';
import {objects, securenet} from '../helpers/cli.ts';

const refuses = test.macro({
	title: (_, args: string[]) => `securenet ${args.join(' ')}`,
	async exec(t, args: string[], exitCode: number, message: RegExp) {
		const {exitCode: actual, stdout, stderr} = await securenet(args);
		t.regex(stderr, message);
		t.notRegex(stderr, /^\s+at /m, 'no stack traces');
		t.is(stdout, '');
		t.is(actual, exitCode);
	},
});

test(refuses, [], 2, /^securenet: Say what to do: run, exec/);
test(refuses, ['frobnicate'], 2, /no subcommand "frobnicate"\. Known are check, clean/);
test(refuses, ['lsit'], 2, /no subcommand "lsit"\. Did you mean list\?/);
test(refuses, ['run'], 2, /Words are missing: \d given, \d needed\.\nWrite: securenet run TOPOLOGY/);
test(refuses, ['check'], 2, /Words are missing: \d given, \d needed\.\nWrite: securenet check TOPOLOGY/);
test(refuses, ['list', '--frobnicate'], 2, /frobnicate/);
test(refuses, ['run', 'singel,2'], 2, /"singel,2" is neither a file nor a shape\. Did you mean single\?/);
test(refuses, ['run', 'single,x'], 2, /does not fit the shape single,N/);
test(refuses, ['run', 'single,2', 'extra'], 2, /"extra" is a word too many/);
test(refuses, ['run', 'single,2', '--hops', '3'], 2, /no parameter "hops"/);
test(refuses, ['run', 'single,2', '--nam', 'x'], 2, /Did you mean --name\?/);
test(refuses, ['run', 'single,2', '--hops', '3', '--hops', '4'], 2, /--hops is given more than once/);
test(refuses, ['run', 'single,2', '--name', 'a', '--name', 'b'], 2, /--name is given more than once/);
test(refuses, ['run', 'single,2', '--switch', 'hub'], 2, /switch/);
test(refuses, ['run', 'single,2', '-c'], 2, /A value is missing behind "c"\./);
test(refuses, ['run', 'single,2', '-c', 'nodes', '--script', 'x'], 2, /mutually exclusive/);
test(refuses, ['run', 'single,2', '--script', '/nonexistent'], 2, /\/nonexistent cannot be read/);
test(refuses, ['run', 'single,2', '--name', '../x'], 2, /cannot name a lab/);
test(refuses, ['run', 'topologies'], 2, /"topologies" is a folder\. Name one of its files\./);
test(refuses, ['run', './missing.ts'], 2, /There is no file \.\/missing\.ts/);
test(refuses, ['run', 'topologies/securenet.ts', '--switch', 'bridge'], 2, /--switch chooses for shapes/);
test(refuses, ['run', 'topologies/securenet.ts', '--hops', '3'], 2, /no parameter "hops"/);
test(refuses, ['run', 'single,2', '--firewall', 'opnflow'], 2, /no firewall driver "opnflow"\. Did you mean openflow\?/);
test(refuses, ['run', 'single,2', '--firewall', 'nftables-perimeter'], 2, /nftables-perimeter is for routers with perimeter: true \(addRouter\), and this topology has none\. Drivers that fit its nodes: openflow, sg, fwaas, both\./);
test(refuses, ['run', 'single,2', '--firewall', 'sg', '--firewall', 'nftables-bridge'], 2, /nftables-bridge is for Linux bridges \(addBridge\), and this topology has none/);
test(refuses, ['run', 'topologies/router-as-switch.ts', '--firewall', 'sg'], 2, /sg is for switches of Open vSwitch \(addSwitch\), and this topology has none\. No driver fits any of its nodes\./);
test(refuses, ['inspect', 'no-such-lab'], 2, /no running lab "no-such-lab"/);
test(refuses, ['env', 'no-such-lab'], 2, /no running lab "no-such-lab"/);
test(refuses, ['exec', 'no-such-lab', 'h1', '--', 'true'], 125, /no running lab "no-such-lab"/);
test(refuses, ['exec', 'no-such-lab', 'h1'], 125, /Write: securenet exec LAB NODE -- COMMAND/);
test(refuses, ['exec', 'no-such-lab'], 125, /Words are missing: \d given, \d needed\.\nWrite: securenet exec LAB NODE -- COMMAND/);
test(refuses, ['exec', 'no-such-lab', 'h1', 'true'], 125, /true\nWrite: securenet exec LAB NODE -- COMMAND/);
test(refuses, ['run', '\u001B[2J;$(id)'], 2, /neither a file nor a shape/);

test('--help and --version', async t => {
	const {exitCode, stdout} = await securenet(['--help']);
	t.is(exitCode, 0);
	for (const word of ['run', 'exec', 'list', 'inspect', 'env', 'check', 'doctor', 'clean']) {
		t.regex(stdout, new RegExp(`^ +securenet ${word}\\b`, 'm'));
	}

	t.regex((await securenet(['--version'])).stdout, /^\d+\.\d+\.\d+$/);
	t.regex((await securenet(['run', '--help'])).stdout, /--transcript/);
});

const helps = test.macro({
	title: (_, args: string[]) => `securenet run ${args.join(' ')} --help`,
	async exec(t, args: string[], shown: readonly RegExp[]) {
		const {exitCode, stdout, stderr} = await securenet(['run', ...args, '--help']);
		for (const pattern of [/--transcript/, ...shown]) {
			t.regex(stdout, pattern);
		}

		t.is(stderr, '');
		t.is(exitCode, 0);
	},
});

test(helps, [], []);
test(helps, ['single,2'], [/^single,2 takes no parameters of its own\.$/m]);
test(helps, ['topologies/securenet.ts'], [/^topologies\/securenet\.ts takes no parameters of its own\.$/m]);
test(helps, ['--name', 'x', '--json', '-c', 'nodes', 'topologies/bgp-control-plane.ts', '--edges', '2'], [
	/^Parameters of topologies\/bgp-control-plane\.ts:$/m,
	/^ +--control bgp\|controller +who tells the routers: [^]*\(default\s+bgp\)/m,
	/^ +--edges 1\.\.100 +edge routers \(default 3\)$/m,
	/^ +--steps true\|false +begin before the first step \(default false\)$/m,
]);
test(helps, ['nosuch'], [/^"nosuch" is neither a file nor a shape\./m]);
test(helps, ['./missing.ts'], [/^There is no file \.\/missing\.ts\.$/m]);
test(helps, ['README.md'], [/README\.md/]);

test('without root a lab is refused and check works', async t => {
	const nobody = {uid: 65_534, gid: 65_534};
	const refused = await securenet(['run', 'single,2'], nobody);
	t.is(refused.exitCode, 3);
	t.regex(refused.stderr, /A lab needs root.*sudo/);
	for (const args of [['list'], ['clean'], ['inspect', 'x'], ['env', 'x']]) {
		t.is((await securenet(args, nobody)).exitCode, 3, args.join(' '));
	}

	t.is((await securenet(['exec', 'x', 'h1', '--', 'true'], nobody)).exitCode, 125);
	t.is((await securenet(['doctor'], nobody)).exitCode, 3);
	const checked = await securenet(['check', 'topologies/securenet.ts'], nobody);
	t.is(checked.stdout, 'topologies/securenet.ts: fine, 10 nodes, 9 links');
	t.is(checked.exitCode, 0);
});

/** Writes files into a folder outside of the checkout and checks them from there. */
async function check(t: {teardown(work: () => void): void}, files: Record<string, string>, ...args: string[]) {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	for (const [name, text] of Object.entries(files)) {
		writeFileSync(join(directory, name), text);
	}

	return execa('node', [join(process.cwd(), 'bin/securenet.js'), 'check', ...args], {cwd: directory, reject: false});
}

const pair = 'import {Topology} from \'securenet\';\nexport default class Pair extends Topology { build() { this.addLink(this.addHost(\'h1\'), this.addHost(\'h2\')); } }\n';

const loads = test.macro({
	title: (_, name: string) => `check ${name}`,
	async exec(t, name: string, text: string, exitCode: number, message: RegExp, ...args: string[]) {
		const {stdout, stderr, exitCode: actual} = await check(t, {[name]: text}, name, ...args);
		t.regex(stdout, message);
		t.is(stderr, '');
		t.is(actual, exitCode);
	},
});

test(loads, 'class.ts', pair, 0, /^class\.ts: fine, 2 nodes, 1 link$/);
test(loads, 'class.mjs', pair, 0, /fine/);
test(loads, 'class.js', pair, 0, /fine/);
test(loads, 'instance.ts', pair.replace('export default', 'const P =').concat('export default new P();'), 0, /fine/);
test(loads, 'parameter.ts', pair.replace('extends Topology', 'extends Topology.with({n: {type: \'number\', default: 1, summary: \'x\'}})').replace('this.addLink', 'if (this.parameters.n !== 7) throw new Error(`n is ${this.parameters.n}`); this.addLink'), 0, /fine/, '--n', '7');
test(loads, 'wrong-parameter.ts', pair, 2, /no parameter "n"/, '--n', '7');
test(loads, 'no-export.ts', 'export const x = 1;', 2, /no topology as its default export/);
test(loads, 'not-a-topology.ts', 'export default class X {}', 2, /no topology as its default export/);
test(loads, 'throws.ts', 'const x: number = 1;\n\nthrow new Error(\'out of cheese\');\n', 2, /throws\.ts cannot be loaded: out of cheese \(.*throws\.ts:3:\d+\)/);
test(loads, 'syntax.ts', 'export default class {', 2, /syntax\.ts cannot be loaded: .*syntax\.ts:1/s);
test(loads, 'import.ts', 'import \'./nowhere.ts\';', 2, /import\.ts cannot be loaded: .*nowhere/);
test(loads, 'build.ts', pair.replace('this.addLink', 'null.x; this.addLink'), 2, /build\(\) of pair failed/);

test('check tells all problems of all files', async t => {
	const wrong = pair.replace('this.addHost(\'h2\')', 'this.addHost(\'h1\'), {mtu: 1}');
	const {stdout, exitCode} = await check(t, {'wrong.ts': wrong, 'right.ts': pair}, 'wrong.ts', 'right.ts', 'gone.ts', '--json');
	t.is(exitCode, 2);
	const [results] = objects(stdout) as unknown as Array<Array<{topology: string; ok: boolean; error?: {code: string; problems?: unknown[]}}>>;
	t.deepEqual(results?.map(({topology, ok, error}) => [topology, ok, error?.code]), [['wrong.ts', false, 'problems'], ['right.ts', true, undefined], ['gone.ts', false, 'topology']]);
	t.true((results?.[0]?.error?.problems?.length ?? 0) > 0);
});
