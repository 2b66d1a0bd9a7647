/** The shape of lib: which folder may import which, and what only certain files may do. */
import {readFileSync, readdirSync} from 'node:fs';
import {posix} from 'node:path';
import test from 'ava';
import ts from 'typescript';

/** Folders and files of lib, lowest first: each imports itself and what stands before it. The first three are pure: they touch no machine. */
const layers = ['util', 'topology', 'policy', 'kernel', 'link', 'node', 'network', 'services', 'control', 'probes', 'drivers', 'commands', 'lab.ts', 'contract', 'index.ts', 'repl', 'cli', 'cli.ts'];

/** A lab runs lines, so it imports commands; commands name its type, which is gone when the program runs. */
const isException = ({from, to, typeOnly}: Import): boolean => typeOnly && layerOf(from) === 'commands' && to === 'lib/lab.ts';

/** Packages that only some files may import. */
const doors: Readonly<Record<string, RegExp>> = {
	'koffi': /^lib\/kernel\//,
	'netlink': /^lib\/kernel\//,
	'execa': /^lib\/kernel\//,
	'@grpc/grpc-js': /^lib\/services\//,
	'@grpc/proto-loader': /^lib\/services\//,
	'node:child_process': /^lib\/kernel\//,
	'chalk': /^lib\/repl\/paint\.ts$/,
};

/** Words of a program that only some files may write. */
const deeds: ReadonlyArray<{readonly what: string; readonly word: RegExp; readonly where: RegExp}> = [
	{what: 'prints', word: /\bprocess\.std(?:out|err)\b|\bconsole\./, where: /^lib\/(?:repl\/|cli\.ts$)/},
	{what: 'exits', word: /\bprocess\.(?:exit\b|exitCode\b)/, where: /^lib\/cli\.ts$/},
];

const longest = 300;

type Files = ReadonlyMap<string, string>;
/** `to` is a path for a file of ours, else the name of a package. */
type Import = {readonly from: string; readonly to: string; readonly typeOnly: boolean};

test('lib keeps its layers', t => {
	const files = new Map(readdirSync('lib', {recursive: true, encoding: 'utf8'})
		.filter(name => name.endsWith('.ts'))
		.map(name => [`lib/${name}`, readFileSync(`lib/${name}`, 'utf8')]));
	t.true(files.size > 100);
	t.deepEqual(problemsIn(files), []);
});

const finds = test.macro<[path: string, text: string, problem: string | undefined]>({
	exec(t, path, text, problem) {
		t.deepEqual(problemsIn(new Map([[path, text]])), problem === undefined ? [] : [`${path} ${problem}`]);
	},
	title: (_, path, text, problem) => `${path}: ${text.slice(0, 60).trim()} — ${problem ?? 'is fine'}`,
});

test(finds, 'lib/kernel/route.ts', 'import {InputError} from \'../util/errors.ts\';', undefined);
test(finds, 'lib/util/names.ts', 'import {Lab} from \'../lab.ts\';', 'imports lib/lab.ts, which stands above it');
test(finds, 'lib/policy/model.ts', 'import type {Namespace} from \'../kernel/namespace.ts\';', 'imports lib/kernel/namespace.ts, which stands above it');
test(finds, 'lib/node/node.ts', 'export * from \'../network/network.ts\';', 'imports lib/network/network.ts, which stands above it');
test(finds, 'lib/drivers/flow.ts', 'const later = await import(\'../repl/loop.ts\');', 'imports lib/repl/loop.ts, which stands above it');
test(finds, 'lib/commands/net.ts', 'import type {Lab} from \'../lab.ts\';', undefined);
test(finds, 'lib/commands/net.ts', 'import {Lab} from \'../lab.ts\';', 'imports lib/lab.ts, which stands above it');
test(finds, 'lib/network/network.ts', 'import type {Lab} from \'../lab.ts\';', 'imports lib/lab.ts, which stands above it');
test(finds, 'lib/extra/new.ts', '', 'is in no layer');
test(finds, 'lib/network/measure.ts', 'import {execa} from \'execa\';', 'imports execa, which is not for it');
test(finds, 'lib/kernel/process.ts', 'import {execa} from \'execa\';', undefined);
test(finds, 'lib/repl/loop.ts', 'import {Chalk} from \'chalk\';', 'imports chalk, which is not for it');
test(finds, 'lib/commands/net.ts', 'process.stdout.write(text);', 'prints');
test(finds, 'lib/repl/loop.ts', 'process.stdout.write(text);', undefined);
test(finds, 'lib/repl/loop.ts', 'process.exit(1);', 'exits');
test(finds, 'lib/util/names.ts', '\n'.repeat(longest + 1), `has ${longest + 1} lines, more than ${longest}`);

function problemsIn(files: Files): string[] {
	return [...files].flatMap(([path, text]) => [
		...layerOf(path) === undefined ? ['is in no layer'] : [],
		...importsOf(path, text).flatMap(importProblem),
		...deeds.filter(({word, where}) => word.test(text) && !where.test(path)).map(({what}) => what),
		...lineCount(text) > longest ? [`has ${lineCount(text)} lines, more than ${longest}`] : [],
	].map(problem => `${path} ${problem}`));
}

function importProblem(one: Import): string[] {
	const {from, to} = one;
	if (!to.startsWith('lib/')) {
		return doors[to]?.test(from) === false ? [`imports ${to}, which is not for it`] : [];
	}

	return heightOf(to) > heightOf(from) && !isException(one) ? [`imports ${to}, which stands above it`] : [];
}

/** Undefined for a file of no layer. */
function layerOf(path: string): string | undefined {
	return layers.find(layer => path === `lib/${layer}` || path.startsWith(`lib/${layer}/`));
}

function heightOf(path: string): number {
	return layers.indexOf(layerOf(path) ?? '');
}

function lineCount(text: string): number {
	return text.split('\n').length - 1;
}

/** Imports, re-exports and dynamic imports alike. */
function importsOf(path: string, text: string): Import[] {
	const imports: Import[] = [];
	const visit = (node: ts.Node): void => {
		const name = importedName(node);
		if (name !== undefined) {
			imports.push({from: path, to: name.startsWith('.') ? posix.join(posix.dirname(path), name) : name, typeOnly: isTypeOnly(node)});
		}

		ts.forEachChild(node, visit);
	};

	visit(ts.createSourceFile(path, text, ts.ScriptTarget.ESNext));
	return imports;
}

function importedName(node: ts.Node): string | undefined {
	const name = ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node.moduleSpecifier
		: ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0]
			: ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
	return name && ts.isStringLiteral(name) ? name.text : undefined;
}

function isTypeOnly(node: ts.Node): boolean {
	return ts.isImportDeclaration(node) ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword : ts.isExportDeclaration(node) ? node.isTypeOnly : ts.isImportTypeNode(node);
}
