#!/usr/bin/env node
/**
Starts lib/cli.ts. To load its hundreds of files one by one through tsx takes more than a second, to load them as one a tenth of that:
so esbuild bundles them, once for every state of lib/. Where the bundle cannot be written, tsx does its work as usual.
*/
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules/.cache/securenet');
/** Milliseconds after which nobody can be about to load a bundle of an earlier state. */
const stale = 3_600_000;

const file = await bundle();
const api = pathToFileURL(file ?? join(root, 'lib/index.ts')).href;
const {main} = await (file ? import(api) : translated());
await main(process.argv.slice(2), api);

/** The bundle's path; undefined when it cannot be made. */
async function bundle() {
	const file = join(cache, `${state()}.mjs`);
	try {
		return existsSync(file) ? file : await build(file);
	} catch {
		return undefined;
	}
}

/** Changes when any file of lib/, any dependency or the way of bundling does. */
function state() {
	const files = readdirSync(join(root, 'lib'), {recursive: true}).filter(name => name.endsWith('.ts')).sort();
	const marks = ['package-lock.json', 'bin/securenet.js', ...files.map(name => join('lib', name))].map(name => {
		const {size, mtimeMs} = statSync(join(root, name));
		return `${name} ${size} ${mtimeMs}`;
	});
	return createHash('sha1').update(marks.join('\n')).digest('hex');
}

async function build(file) {
	const esbuild = await import('esbuild');
	mkdirSync(cache, {recursive: true});
	for (const name of readdirSync(cache).map(name => join(cache, name))) {
		if (statSync(name).mtimeMs < Date.now() - stale) {
			rmSync(name, {recursive: true});
		}
	}

	// Written aside and renamed: another process sees the whole bundle or none.
	const outfile = `${file}.${process.pid}`;
	await esbuild.build({
		// One module for both, so that a topology file that imports from 'securenet' gets this very program.
		stdin: {contents: `export {main} from './lib/cli.ts'; export * from './lib/index.ts';`, resolveDir: root},
		outfile,
		bundle: true,
		// Packages with compiled parts stay where they are; of the others loading many small files would take the longest.
		// Those for gRPC are loaded by few labs only.
		external: ['koffi', 'netlink', 'tsx', 'esbuild', '@grpc/grpc-js', '@grpc/proto-loader'],
		banner: {js: `import {createRequire as __createRequire} from 'node:module'; const require = __createRequire(import.meta.url);`},
		format: 'esm',
		platform: 'node',
		target: 'node20',
		keepNames: true,
		logLevel: 'silent',
	});
	// Its service would stay as long as the program, and print where it stood at a Ctrl-\ that is meant for a command.
	await esbuild.stop();
	renameSync(outfile, file);
	return file;
}

async function translated() {
	const {register} = await import('tsx/esm/api');
	register();
	return import('../lib/cli.ts');
}
