/** topologies/json.md tells the truth: every command and subcommand has a row there, and its line results in that shape. */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {findCommand} from '../lib/commands/find.ts';
import {commands} from '../lib/commands/index.ts';
import {splitWords} from '../lib/util/words.ts';
import type {Lab} from '../lib/lab.ts';
import SecureNet from '../topologies/securenet.ts';
import {securenet} from './helpers/cli.ts';
import {mesh} from './helpers/edges.ts';
import {needing} from './helpers/needing.ts';
import {labOf} from './helpers/scenario.ts';

type Row = {readonly command: string; readonly line: string; readonly shape: unknown; readonly result: unknown};

const all = readFileSync('topologies/json.md', 'utf8').split('\n').filter(line => line.startsWith('| `')).map((line): Row => {
	const [command = '', text = '', shape = '', result = ''] = line.split(' | ').map(cell => cell.replace(/^\| /, '').replace(/ \|$/, '').slice(1, -1));
	return {command, line: text, shape: JSON.parse(shape), result: JSON.parse(result)};
});

const isSubcommand = ({line}: Row) => line.startsWith('securenet ');
const [rows, subcommandRows] = [all.filter(row => !isSubcommand(row)), all.filter(isSubcommand)];

/** What only a lab with edge routers can do. */
const needsEdges = ({command}: Row) => /^(?:NODE (?:join|leave)|bgp \w+)$/.test(command);
const withGobgp = await needing('gobgpd');

test('every command has a row', t => {
	t.deepEqual(rows.map(({command}) => command).sort(), commands.map(({name}) => name).sort());
});

test('every subcommand that answers has a row', async t => {
	const {stdout} = await securenet(['--help']);
	const subcommands = [...stdout.matchAll(/^ +securenet ([\w-]+)/gm)].map(([, name = '']) => name).filter(name => !['run', 'exec'].includes(name));
	t.deepEqual(subcommandRows.map(({command}) => command).sort(), subcommands.sort());
});

for (const {command, shape, result} of all) {
	test(`the result that is shown for ${command} has its shape`, t => {
		t.deepEqual(misfits(result, shape), []);
	});
}

test.serial('every line results in the shape of its row', async t => {
	await runRows(t, await labOf(t, new SecureNet()), rows.filter(row => !needsEdges(row)));
});

withGobgp('every line of edge routers results in the shape of its row', async t => {
	await runRows(t, await labOf(t, mesh({edges: 2, hosts: 2, joined: 1})), rows.filter(needsEdges));
});

async function runRows(t: ExecutionContext, lab: Lab, some: readonly Row[]): Promise<void> {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	for (const {command, line: text, shape} of some) {
		const line = text.replace('/tmp', directory);
		const {command: found} = findCommand(splitWords(line), lab);
		t.is(found.name, command);
		const [plain] = await lab.run(`-${line}${found.verbatim === undefined ? ' --json' : ''}`);
		t.is(plain?.error, undefined, line);
		const result: unknown = JSON.parse(JSON.stringify(plain?.result));
		t.deepEqual(misfits(result, shape), [], line);
		if (found.verbatim === undefined) {
			t.deepEqual(JSON.parse(plain?.text ?? ''), result, line);
		}
	}
}

test.serial('every subcommand answers in the shape of its row', async t => {
	const {name} = await labOf(t, new SecureNet());
	for (const {line, shape} of subcommandRows) {
		const [, ...args] = line.split(' ').map(word => word === 'securenet' ? name : word);
		const {stdout} = await securenet(args);
		t.deepEqual(misfits(JSON.parse(stdout), shape), [], line);
	}
});

test('what does not fit a shape is found', t => {
	const shape = {'a': 'number', 'b?': ['string'], 'c': [['string', 'string']]};
	t.deepEqual(misfits({a: 1, c: []}, shape), []);
	t.deepEqual(misfits({a: 1, b: ['x'], c: [['x', 'y']]}, shape), []);
	t.deepEqual(misfits({a: '1', b: [2], c: [['x']], d: 4}, shape), ['.a', '.b[0]', '.c[0][1]', '.d']);
	t.deepEqual(misfits(undefined, shape), ['']);
	t.deepEqual(misfits({c: []}, shape), ['.a']);
	t.deepEqual(misfits({x: 'y', z: 1}, {'*': 'string'}), ['.z']);
});

/** Paths of what is not as the shape says: a type's name, `[x]`, `[x, y]`, or an object whose members may end in `?` or are all `*`. */
function misfits(value: unknown, shape: unknown, path = ''): string[] {
	if (Array.isArray(shape)) {
		const shapes: readonly unknown[] = shape;
		const items: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
		const length = Math.max(items?.length ?? 0, shapes.length > 1 ? shapes.length : 0);
		return items ? Array.from({length}, (_, index) => misfits(items[index], shapes.length > 1 ? shapes[index] : shapes[0], `${path}[${index}]`)).flat() : [path];
	}

	if (typeof shape === 'object' && shape !== null) {
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? memberMisfits(new Map(Object.entries(value)), shape, path) : [path];
	}

	return shape === 'any' || (value === null ? 'null' : typeof value) === shape ? [] : [path];
}

function memberMisfits(members: ReadonlyMap<string, unknown>, shape: object, path: string): string[] {
	const any = new Map(Object.entries(shape)).get('*') as unknown;
	if (any !== undefined) {
		return [...members].flatMap(([key, value]) => misfits(value, any, `${path}.${key}`));
	}

	const known = Object.entries(shape).map(([key, inner]) => ({name: key.replace(/\?$/, ''), optional: key.endsWith('?'), inner: inner as unknown}));
	const wrong = known.filter(({name, optional}) => members.has(name) || !optional).flatMap(({name, inner}) => misfits(members.get(name), inner, `${path}.${name}`));
	return [...wrong, ...[...members.keys()].filter(key => known.every(({name}) => name !== key)).map(key => `${path}.${key}`)];
}
