/**
Loads the TypeScript of this project for AVA. tsx does it in twice the time, and each of two hundred processes would take it: so what esbuild makes of a file is kept,
and made anew when size or time of the file have changed.
*/
import {createHash} from 'node:crypto';
import {mkdirSync, readFileSync, renameSync, statSync, writeFileSync} from 'node:fs';
import {register} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {isMainThread} from 'node:worker_threads';

const root = new URL('../..', import.meta.url).href;
const cache = fileURLToPath(new URL('node_modules/.cache/securenet-test/', root));

// Node.js loads this file once more, in the thread of the hooks.
if (isMainThread) {
	mkdirSync(cache, {recursive: true});
	register(import.meta.url);
}

/** See the hooks of node:module. */
export async function load(url, context, next) {
	const isOurs = url.startsWith(root) && url.endsWith('.ts') && !url.includes('/node_modules/');
	return isOurs ? {format: 'module', source: await translated(fileURLToPath(url)), shortCircuit: true} : next(url, context);
}

async function translated(path) {
	const {size, mtimeMs} = statSync(path);
	const state = `// ${path} ${size} ${mtimeMs}\n`;
	const kept = join(cache, `${createHash('sha1').update(path).digest('hex')}.js`);
	const known = read(kept);
	if (known?.endsWith(state)) {
		return known;
	}

	const esbuild = await import('esbuild');
	const {code} = await esbuild.transform(readFileSync(path, 'utf8'), {loader: 'ts', format: 'esm', target: 'node20', sourcefile: path, sourcemap: 'inline'});
	// Renamed, because another process may want the same file.
	const aside = `${kept}.${process.pid}`;
	writeFileSync(aside, `${code}${state}`);
	renameSync(aside, kept);
	return code;
}

function read(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
