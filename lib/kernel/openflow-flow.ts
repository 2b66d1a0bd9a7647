/** A line that adds, modifies or deletes flows, as the OFPT_FLOW_MOD message of OpenFlow 1.4. Pure: no switch is asked. See ovs-ofctl(8), Flow Syntax. */
import {writeInstructions} from './openflow-actions.ts';
import {ByteWriter} from './openflow-bytes.ts';
import {FlowError, WordError} from './openflow-errors.ts';
import {Match} from './openflow-match.ts';
import {type, version} from './openflow-message.ts';
import {allOnes, lastTable, smallNumber, wholeNumber} from './openflow-values.ts';

/** One change of a switch's flows, ready to be sent. */
export type FlowChange = {
	readonly line: string;
	/** Header and body; the transaction id is zero. */
	readonly message: Buffer;
};

type Line = {readonly command: Command; readonly words: readonly string[]; readonly actions: string | undefined};
type Command = keyof typeof commands;

/** OFPFC_…; `delete` and `modify` meet all flows that the match covers, their `_strict` forms only the flow that has this match and priority. */
const commands = {add: 0, modify: 1, modify_strict: 2, delete: 3, delete_strict: 4} as const;
/** OFPTT_ALL, OFP_NO_BUFFER, OFPP_ANY and OFPG_ANY. */
const allTables = 0xFF;
const any = 0xFF_FF_FF_FF;
/** Priority of a flow that names none, see ovs-ofctl(8). */
const defaultPriority = 32_768;

const writer = new ByteWriter();

/**
Reads a line as ovs-ofctl does, and refuses what ovs-ofctl would quietly change: a field whose protocol is not matched, bits outside of a mask.

@param line `add FLOW`, `modify FLOW`, `delete FLOW` or one of the `_strict` forms
@throws FlowError naming the line and the word of it that cannot be read
*/
export function encodeFlow(line: string): FlowChange {
	try {
		return {line, message: flowMessage(readLine(line))};
	} catch (error) {
		throw error instanceof WordError ? new FlowError(undefined, line, error.message, {cause: error}) : error;
	}
}

function readLine(line: string): Line {
	// Nothing in a match ends in this word, so it begins the actions where it stands first.
	const end = line.indexOf('actions=');
	const actions = end === -1 ? undefined : line.slice(end + 'actions='.length);
	const [command = '', ...words] = (end === -1 ? line : line.slice(0, end)).split(/[,\s]+/).filter(Boolean);
	if (!isCommand(command)) {
		throw new WordError(command, `is none of ${Object.keys(commands).join(', ')}`);
	}

	const isDelete = command.startsWith('delete');
	if (isDelete !== (actions === undefined)) {
		throw new WordError(command, isDelete ? 'takes no actions' : 'needs actions=…');
	}

	return {command, words, actions};
}

function isCommand(word: string): word is Command {
	return Object.hasOwn(commands, word);
}

function flowMessage({command, words, actions}: Line): Buffer {
	const settings = new Settings(command, words);
	writer.reset();
	writer.u8(version).u8(type.flowMod).u16(0).u32(0);
	writer.wide(settings.cookie, 8).wide(settings.cookieMask, 8);
	// No time-outs: flows stay until they are deleted.
	writer.u8(settings.table).u8(commands[command]).zeros(4).u16(settings.priority);
	// No flags, and no importance, by which a full table would choose what to give up.
	writer.u32(any).u32(any).u32(any).zeros(4);
	const match = new Match(settings.match);
	match.write(writer);
	if (actions !== undefined) {
		writeInstructions(actions, writer, match);
	}

	const message = writer.take();
	message.writeUInt16BE(message.length, 2);
	return message;
}

/** The words of a flow that are no match: table, priority, cookie. */
class Settings {
	table: number;
	priority = defaultPriority;
	cookie = 0n;
	cookieMask = 0n;
	/** The other words. */
	readonly match: readonly string[];

	constructor(command: Command, words: readonly string[]) {
		this.table = command.startsWith('delete') ? allTables : 0;
		this.match = words.filter(word => !this.#read(command, word));
	}

	#read(command: Command, word: string): boolean {
		const equals = word.indexOf('=');
		const value = word.slice(equals + 1);
		switch (word.slice(0, equals)) {
			case 'table': {
				this.table = smallNumber(value, lastTable);
				return true;
			}

			case 'priority': {
				this.#readPriority(command, word, value);
				return true;
			}

			case 'cookie': {
				this.#readCookie(command, word, value);
				return true;
			}

			default: {
				return false;
			}
		}
	}

	#readPriority(command: Command, word: string, value: string): void {
		if (command === 'modify' || command === 'delete') {
			throw new WordError(word, `means nothing to ${command}; ${command}_strict looks at it`);
		}

		this.priority = smallNumber(value, 0xFF_FF);
	}

	/** A cookie is given when a flow is added; all else can only look for one, so it needs a mask. */
	#readCookie(command: Command, word: string, text: string): void {
		const [value = '', mask] = text.split('/', 2);
		if ((command === 'add') === (mask !== undefined)) {
			throw new WordError(word, command === 'add' ? 'cannot have a mask in add' : `needs a mask, such as ${word}/-1: ${command} can look for cookies, not change them`);
		}

		this.cookie = wholeNumber(value, 64);
		this.cookieMask = mask === undefined ? 0n : mask === '-1' ? allOnes(64) : wholeNumber(mask, 64);
	}
}
