/** What a command of the prompt is: data, a function that reads its words, one that does the work, one that lays out the result. Nothing here prints. */
import type {Lab} from '../lab.ts';
import type {Inventory} from '../policy/inventory.ts';
import type {Policy} from '../policy/model.ts';
import type {Nodes} from '../policy/names.ts';
import type {Reader} from '../policy/reader.ts';
import type {NodePlan} from '../topology/blueprint.ts';
import type {NodeKind} from '../topology/specs.ts';
import type {LineResult} from './line-result.ts';

/** The part of a lab that decides how a line reads and which words Tab offers. */
export type Scene = {
	readonly policy: Policy;
	readonly network: {readonly nodes: ReadonlyMap<string, {readonly kind: NodeKind; readonly interfaces?: ReadonlyArray<{readonly name: string}>; readonly plan?: NodePlan}>};
	/** What enforces rules, when that is known. */
	readonly inventory?: Pick<Inventory, 'devices'>;
};

/** What a front end gives along with a line. */
export type Front = {
	/** Aborted when the user interrupts the line, or the session ends. */
	readonly signal: AbortSignal;
	/** Aborted when the session ends. */
	readonly leaving: AbortSignal;
	/** Whether a program may have the terminal to itself while it runs. */
	readonly terminal: boolean;
	/** 1-based number of the line, when it stands in a file. */
	readonly number?: number | undefined;
	/** Is told of every line that runs inside another one, such as those of `source`, as soon as it has run. */
	readonly report?: ((result: LineResult) => void) | undefined;
	/** Shows text at once, while the line runs; `over` in the place of what was shown before. Absent where only the result is shown: what was shown is no part of it. */
	readonly show?: ((text: string, over?: boolean) => void) | undefined;
};

/** A line that was read: the command it names, and the input for that. */
export type ReadLine = {readonly command: AnyCommand; readonly input: unknown};

/** What a command is given to work with. */
export type Io = Front & {
	/** Reads a line as if in another scene; undefined for a line without words. @throws InputError with the column of the mistake */
	readonly read: (line: string, scene: Scene) => ReadLine | undefined;
	/** Runs a line inside this one, with its number when it stands in a file; undefined for a line without words. */
	readonly run: (line: string, number?: number) => Promise<LineResult | undefined>;
};

export type Command<Input, Result> = {
	/** One or more words, such as `secrule ipg add`; with `NODE` for the name of a node. */
	readonly name: string;
	/** Other ways to write the name. */
	readonly aliases?: readonly string[];
	readonly usage: string;
	/** Half a line for `help`. */
	readonly summary: string;
	/** Whole sentences for `help NAME`. */
	readonly details?: string;
	/** `line`: the rest of the line is one word, whatever characters it has. `words`: its last word is its own, even if it is `--json`. */
	readonly verbatim?: 'line' | 'words';
	/** The kinds of nodes that have it, when its name begins with `NODE`; default: all. */
	readonly kinds?: readonly NodeKind[];
	/** The words are paths, for Tab. */
	readonly paths?: boolean;

	/**
	Reads the words after the name (after the node's name, which comes first, when the name begins with `NODE`). Tab asks it too: what
	the reader was last offered is what may come next.

	@throws InputError with the column of the mistake
	*/
	read(reader: Reader, scene: Scene): Input;
	/** The edit of the policy that the command makes; only what changes nothing but the policy has one. */
	edit?(input: Input, nodes: Nodes): (policy: Policy) => Policy;
	run(lab: Lab, input: Input, io: Io): Promise<Result>;
	/** Without a final newline; empty when there is nothing to say. */
	text(result: Result): string;
	/** Default: a result is a success. */
	ok?(result: Result): boolean;
	/** Whether the user asked to leave. */
	leaves?(result: Result): boolean;
};

/** Any command: its own `read` is the only source of its input, its own `run` the only source of its result. */
export type AnyCommand = Command<unknown, unknown>;
