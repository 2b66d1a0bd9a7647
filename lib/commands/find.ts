/** Which command a line's first words name, and which words could come next. */
import {Reader} from '../policy/reader.ts';
import {InputError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {AnyCommand, Scene} from './command.ts';
import {executeCommand} from './execute.ts';
import {commands} from './index.ts';
import {nodeNames} from './reading.ts';

export type Found = {
	readonly command: AnyCommand;
	/** The words for its `read`. */
	readonly words: readonly Word[];
};

/** Every way to write a command's name, as words; `NODE` stands for the name of any node. No name is the beginning of another. */
const names = commands.flatMap(command => [command.name, ...command.aliases ?? []].map(name => ({words: name.split(' '), command})));
const nodeVerbs = names.filter(({words, command}) => words[0] === 'NODE' && command !== executeCommand);
const plainNames = names.filter(({words}) => words[0] !== 'NODE');

/** @throws InputError `unknown-command`, `syntax` */
export function findCommand(words: readonly Word[], scene: Scene): Found {
	const [first, second] = words;
	if (first && scene.network.nodes.has(first.text)) {
		const verbs = nodeVerbs.filter(name => name.words[1] === second?.text && !second?.quoted);
		return verbs.length === 0 || isProgram(words) ? {command: executeCommand, words} : withNode(first, followName(verbs, 2, words));
	}

	const candidates = plainNames.filter(name => name.words[0] === first?.text);
	if (candidates.length === 0) {
		throw unknownCommand(first, second, scene);
	}

	return followName(candidates, 1, words);
}

/** An option behind a verb of ours: the program of that name is meant, such as `h1 route -n`. */
function isProgram([, , third]: readonly Word[]): boolean {
	return third?.text.startsWith('-') === true && third.text !== '--json';
}

function withNode(node: Word, {command, words}: Found): Found {
	return {command, words: [node, ...words]};
}

/** @param length how many words have led to the candidates */
function followName(candidates: typeof names, length: number, words: readonly Word[]): Found {
	const whole = candidates.find(name => name.words.length === length);
	if (whole) {
		return {command: whole.command, words: words.slice(length)};
	}

	const choices = [...new Set(candidates.map(name => name.words[length] ?? ''))];
	const before = words.slice(0, length).map(({text}) => text).join(' ');
	const next = new Reader(words.slice(length), `${before} ${choices.join('|')} …`, endOf(words[length - 1])).oneOf(choices);
	return followName(candidates.filter(name => name.words[length] === next), length + 1, words);
}

/** The column behind a word. */
export function endOf(word: Word | undefined): number {
	return word ? word.column + word.raw.length : 1;
}

function unknownCommand(word: Word | undefined, next: Word | undefined, scene: Scene): InputError {
	const text = word?.text ?? '';
	const verb = nodeVerbs.find(({words}) => words[1] === text);
	const {nearest, hint} = verb ? {nearest: [], hint: ''} : nearestTo(text, firstWords(scene));
	// Before a node, and no mistyped command: a program that nobody said where to run.
	const begun = nearest.filter(name => name.startsWith(text));
	const isProgram = scene.network.nodes.has(next?.text ?? '') && (nearest.length === 0 || begun.length > 0);
	const advice = isProgram ? ` Write: NODE ${printable(text)} …${begun.map(name => `, or ${name}`).join('')}.` : `${hint} Write help for a list.`;
	const message = verb ? `"${text}" needs a node before it. Write: ${verb.command.usage}.` : `There is no command or node "${printable(text)}".${advice}`;
	return new InputError('unknown-command', message, {column: word?.column ?? 1, expected: verb ? ['node'] : ['command', 'node'], nearest});
}

function firstWords(scene: Scene): string[] {
	return [...new Set(plainNames.map(({words}) => words[0] ?? '')), ...nodeNames(scene)];
}

/** The words that may come after those given, for Tab; none when they are no beginning of a line. */
export function nextWords(words: readonly Word[], scene: Scene): readonly string[] {
	if (words.length === 0) {
		return firstWords(scene);
	}

	const spelled = words.map(({text}, index) => index === 0 && scene.network.nodes.has(text) ? 'NODE' : text);
	const kind = scene.network.nodes.get(words[0]?.text ?? '')?.kind;
	const verbs = nodeVerbs.filter(({command: {kinds}}) => kind === undefined || kinds === undefined || kinds.includes(kind));
	const longer = [...plainNames, ...verbs].filter(name => name.words.length > spelled.length && spelled.every((word, index) => word === name.words[index]));
	return [...new Set([...longer.map(name => name.words[words.length] ?? ''), ...longer.length === 0 || words.length === 1 ? argumentsAfter(words, scene) : []])];
}

/** What the command's reader was last offered; reading usually fails, because the line is not complete. */
function argumentsAfter(words: readonly Word[], scene: Scene): readonly string[] {
	let reader: Reader | undefined;
	try {
		const {command, words: rest} = findCommand(words, scene);
		reader = new Reader(rest, command.usage);
		command.read(reader, scene);
	} catch (error) {
		if (!(error instanceof InputError)) {
			throw error;
		}
	}

	return reader?.offered ?? [];
}

/** The command that takes the rest of a line as it stands, when the line begins with its name. */
export function verbatimCommand(name: string): AnyCommand | undefined {
	return commands.find(command => command.verbatim === 'line' && command.name === name);
}
