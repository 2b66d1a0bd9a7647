/** What Tab offers: commands, nodes, groups, address sets, the words of a rule, files. */
import {readdirSync} from 'node:fs';
import {dirname} from 'node:path';
import type {Scene} from '../commands/command.ts';
import {findCommand, nextWords} from '../commands/find.ts';
import {InputError} from '../util/errors.ts';
import {sortNames} from '../util/names.ts';
import {type Word, splitWords} from '../util/words.ts';

/**
@param line what stands before the cursor
@returns whole words that fit, and the part of the line they replace, as node:readline wants it
*/
export function complete(scene: Scene, line: string): [string[], string] {
	const word = /\S*$/.exec(line)?.[0] ?? '';
	const isPath = takesPath(wordsBefore(line, word) ?? [], scene);
	// In lists no space need part the words.
	const begun = isPath ? word : /[^(){},]*$/.exec(word)?.[0] ?? '';
	const words = wordsBefore(line, begun);
	const hits = words ? offers(words, begun, scene, isPath).filter(offer => offer.startsWith(begun)) : [];
	return [hits.length === 1 && !hits[0]?.endsWith('/') ? [`${hits[0] ?? ''} `] : hits, begun];
}

function offers(words: readonly Word[], begun: string, scene: Scene, isPath: boolean): readonly string[] {
	return isPath ? pathsFrom(begun) : nextWords(words, scene);
}

/** Undefined while a quote is open: what stands in quotes is the user's own. */
function wordsBefore(line: string, begun: string): Word[] | undefined {
	// What stands before a line and does not change what its words mean.
	const before = line.slice(0, line.length - begun.length).replace(/^\s*-?(?:time\s+)*/, '');
	return ignoringMistakes(() => splitWords(before));
}

function takesPath(words: readonly Word[], scene: Scene): boolean {
	return words.length > 0 && ignoringMistakes(() => findCommand(words, scene).command.paths) === true;
}

/** Names in the directory that a path has come to, directories with a slash. */
function pathsFrom(begun: string): string[] {
	const directory = begun.endsWith('/') ? begun : `${dirname(begun)}/`;
	const shown = directory === './' && !begun.startsWith('./') ? '' : directory;
	try {
		return sortNames(readdirSync(directory, {withFileTypes: true}).map(entry => `${shown}${entry.name}${entry.isDirectory() ? '/' : ''}`));
	} catch {
		return [];
	}
}

function ignoringMistakes<Result>(work: () => Result): Result | undefined {
	try {
		return work();
	} catch (error) {
		if (error instanceof InputError) {
			return undefined;
		}

		throw error;
	}
}
