/** `NODE COMMAND …`: runs a program in a node. No shell sees its words; the program's exit status is the line's. */
import {basename} from 'node:path';
import type {Output} from '../kernel/process.ts';
import {InputError} from '../util/errors.ts';
import type {Word} from '../util/words.ts';
import {keepInBackground} from './background.ts';
import type {Command} from './command.ts';
import {nodeNames, takeAll, takeNode} from './reading.ts';
import {streamsFor} from './streams.ts';

/** `background` counts the commands that run there now, when the line ended by `&`. */
export type ExecuteResult = Output & {readonly background?: number};

export const executeCommand: Command<{readonly node: string; readonly words: readonly Word[]}, ExecuteResult> = {
	name: 'NODE COMMAND',
	usage: 'NODE COMMAND [WORD …] [&]',
	summary: 'run a program in a node',
	details: [
		'A word that is the name of a node becomes its address; quote it to keep it. Quotes and backslashes work as in a shell, and nothing else does:',
		'for pipes and redirections write NODE sh -c \'…\'. With & as the last word the program runs in the background and ends with the lab.',
		'A node has a network of its own; files and processes are those of this machine. To end programs of a node by name: NODE sh -c \'pkill --ns $$ --nslist net PROGRAM\'.',
	].join('\n'),
	verbatim: 'words',
	read(reader, scene) {
		const node = takeNode(reader, scene);
		const names = nodeNames(scene, 'host', 'router');
		const words = takeAll(reader, () => names, () => reader.take(['program'], () => []));
		refuseOperators(node, words);
		refuseKillingElsewhere(node, words);
		return {node, words};
	},
	async run(lab, {node, words}, io) {
		const last = words.at(-1);
		const background = words.length > 1 && last?.text === '&' && !last.quoted;
		const argv = (background ? words.slice(0, -1) : words).map((word, index) => index > 0 && !word.quoted ? addressed(lab.network.nodes, word.text) : word.text);
		if (background) {
			// Nobody will ask for what it prints, which may be much.
			const ended = lab.node(node).execute(argv, {stdout: 'ignore'});
			return {exitCode: 0, stdout: '', stderr: '', background: keepInBackground(lab, {node, command: argv.join(' ')}, ended)};
		}

		return lab.node(node).execute(argv, streamsFor(io));
	},
	text({stdout, stderr, background}) {
		return background === undefined ? `${stdout}${stderr}`.replace(/\n$/, '') : `${background} in the background; dump lists them`;
	},
	ok({exitCode}) {
		return exitCode === 0;
	},
};

/** What only a shell makes sense of, where it stands alone. */
const operators: ReadonlySet<string> = new Set(['|', '>', '>>', '<', '&&', '||', ';']);

/** @throws InputError `no-shell` for a word that would go to the program as it stands, which nobody wants of it */
function refuseOperators(node: string, words: readonly Word[]): void {
	const operator = words.find(({text, quoted}) => !quoted && operators.has(text));
	if (operator) {
		throw new InputError('no-shell', `"${operator.text}" is for a shell, and there is none here. Write ${node} sh -c '…', or quote the word to hand it to the program.`, {column: operator.column, expected: ['word'], nearest: []});
	}
}

/** What ends processes by name, wherever they are: other labs' too, and the machine's own. */
const killers: ReadonlySet<string> = new Set(['pkill', 'killall', 'killall5']);

/** @throws InputError `kills-elsewhere`, unless the words say whose processes are meant, or the program's name is quoted */
function refuseKillingElsewhere(node: string, [program, ...words]: readonly Word[]): void {
	const name = basename(program?.text ?? '');
	// The others know only namespaces of processes, which a node has none of.
	const isToldWhose = name === 'pkill' && words.some(({text}) => text.startsWith('--ns'));
	if (program && !program.quoted && killers.has(name) && !isToldWhose) {
		throw new InputError('kills-elsewhere', `${name} ends processes of the whole machine, not only those of ${node}. Write ${node} sh -c 'pkill --ns $$ --nslist net PROGRAM' for its own, or quote the word to mean all.`, {column: program.column, expected: ['program'], nearest: []});
	}
}

/** A node without an address, such as a switch, keeps its name. */
function addressed(nodes: ReadonlyMap<string, {readonly address: string | undefined}>, text: string): string {
	return nodes.get(text)?.address ?? text;
}
