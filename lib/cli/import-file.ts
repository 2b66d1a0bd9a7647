/** Imports a user's file, TypeScript or not, so that it gets this very program when it imports from 'securenet'. */
import {register} from 'node:module';
import {pathToFileURL} from 'node:url';
import {InputError, messageOf} from '../util/errors.ts';
import {printable} from '../util/names.ts';

/**
@param name as the user wrote it
@param path absolute
@param api address of the module that the file gets when it imports from 'securenet'
@param code of the error
@throws InputError with that code when it cannot be loaded
*/
export async function importFile(name: string, path: string, api: string, code: string): Promise<Readonly<Record<string, unknown>>> {
	await acceptTypeScript(api);
	try {
		return await import(pathToFileURL(path).href) as Readonly<Record<string, unknown>>;
	} catch (error) {
		throw new InputError(code, `${printable(name)} cannot be loaded: ${messageOf(error)}${placeIn(path, error)}`, {}, {cause: error});
	}
}

/**
From now on, files may be TypeScript and are modules, whatever the package.json of their folder says, and `import … from 'securenet'`
gives a file anywhere on the disk this very program, not a copy.
*/
async function acceptTypeScript(api: string): Promise<void> {
	const tsx = await import('tsx/esm/api');
	tsx.register();
	register(`data:text/javascript,${encodeURIComponent(`
		export async function resolve(name, context, next) {
			const found = await next(name === 'securenet' ? '${api}' : name, context);
			return found.format === 'commonjs' && /^(?!.*\\/node_modules\\/).*\\.[jt]s$/.test(new URL(found.url).pathname) ? {...found, format: 'module'} : found;
		}
	`)}`);
}

/** Line and column of a program's mistake in the user's file. */
function placeIn(path: string, error: unknown): string {
	const stack = error instanceof Error ? error.stack ?? '' : '';
	const at = stack.indexOf(`${path}:`);
	return at === -1 ? '' : ` (${/^[^\s)]*/.exec(stack.slice(at))?.[0] ?? ''})`;
}
