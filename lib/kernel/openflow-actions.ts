/** The actions of a flow, as instructions of OpenFlow 1.4 and actions of it and of Open vSwitch. See ovs-actions(7). */
import {nearestTo} from '../util/names.ts';
import type {ByteWriter} from './openflow-bytes.ts';
import {WordError} from './openflow-errors.ts';
import {headerOf, writeField} from './openflow-fields.ts';
import type {Match} from './openflow-match.ts';
import {allOnes, lastTable, namedPort, portNumber, smallNumber, wholeNumber} from './openflow-values.ts';
import {type Part, arrow, fieldOf, list, nameAndArgument, placeOf, readPart} from './openflow-words.ts';

/** Numbers of instructions, and of the actions of OpenFlow 1.4. */
const instruction = {gotoTable: 1, applyActions: 4, meter: 6} as const;
const standard = {output: 0, popVlan: 18, setField: 25} as const;
/** Actions of Open vSwitch stand behind its vendor number and have numbers of their own. */
const experimenter = 0xFF_FF;
const nicira = 0x23_20;
const extension = {regMove: 6, regLoad: 7, resubmitTable: 14, outputReg: 15, stackPush: 27, stackPop: 28, conjunction: 34, ct: 35, clone: 42} as const;
/** OFPCML_NO_BUFFER: the controller gets all of a packet. */
const wholePacket = 0xFF_FF;
/** Bits that one action can load. */
const loadLimit = 64;
/** Of a `ct` without `table=`: the packet goes on as it is. */
const noTable = 255;
/** NX_CT_F_… */
const ctCommit = 1;
const ctForce = 2;

/** Writes one action. @param argument what stands behind its colon or in its parentheses */
type WriteAction = (argument: string, writer: ByteWriter, match: Match) => void;

const actions: ReadonlyMap<string, WriteAction> = new Map<string, WriteAction>([
	['output', writeOutput],
	['controller', writeController],
	['resubmit', writeResubmit],
	['set_field', writeSetField],
	['load', writeLoad],
	['move', writeMove],
	['push', (argument, writer, match) => {
		writeStack(extension.stackPush, argument, writer, match);
	}],
	['pop', (argument, writer, match) => {
		writeStack(extension.stackPop, argument, writer, match);
	}],
	['pop_vlan', writePopVlan],
	['clone', writeClone],
	['ct', writeTracking],
	['conjunction', writeConjunction],
]);

/**
Writes the instructions of a flow: its meter, its actions, the table it goes on to.

@param text behind `actions=`
@throws WordError
*/
export function writeInstructions(text: string, writer: ByteWriter, match: Match): void {
	const words = list(text);
	if (words.length === 1 && words[0] === 'drop') {
		return;
	}

	const meter = words[0]?.startsWith('meter:') ? words.shift() : undefined;
	const next = words.at(-1)?.startsWith('goto_table:') ? words.pop() : undefined;
	if (meter !== undefined) {
		writer.block(instruction.meter, 'counted', () => writer.u32(smallNumber(nameAndArgument(meter)[1], 0xFF_FF_FF_FF)));
	}

	if (words.length > 0) {
		writer.block(instruction.applyActions, 'counted', () => {
			writer.zeros(4);
			writeActions(words, writer, match);
		});
	}

	if (next !== undefined) {
		writer.block(instruction.gotoTable, 'counted', () => writer.u8(smallNumber(nameAndArgument(next)[1], lastTable)));
	}
}

function writeActions(words: readonly string[], writer: ByteWriter, match: Match): void {
	for (const word of words) {
		writeAction(word, writer, match);
	}
}

function writeAction(word: string, writer: ByteWriter, match: Match): void {
	const [name, argument] = nameAndArgument(word);
	const write = actions.get(name.toLowerCase());
	if (write) {
		write(argument, writer, match);
	} else if (namedPort(word) !== undefined) {
		writePort(writer, portNumber(word), 0);
	} else {
		throw new WordError(word, misplaced.get(name) ?? `is no action.${nearestTo(name, [...actions.keys(), ...misplaced.keys()]).hint}`);
	}
}

/** Actions that are instructions of their own, and so have their place. */
const misplaced = new Map([
	['drop', 'stands alone'],
	['meter', 'comes before all other actions'],
	['goto_table', 'comes after all other actions'],
]);

function writeOutput(argument: string, writer: ByteWriter, match: Match): void {
	if (!argument.includes('[')) {
		writePort(writer, portNumber(argument), namedPort(argument) === portNumber('controller') ? wholePacket : 0);
		return;
	}

	const part = readPart(argument, match);
	writeExtension(writer, extension.outputReg, () => writer.u16(placeOf(part)).u32(headerOf(part.field)).u16(wholePacket));
}

/** As `output:CONTROLLER`, or with the bytes of the packet that the controller gets. */
function writeController(argument: string, writer: ByteWriter): void {
	writePort(writer, portNumber('controller'), argument === '' ? wholePacket : smallNumber(argument, wholePacket));
}

/** Ports have 32 bits in OpenFlow 1.4 and 16 in Open vSwitch; those with a meaning of their own are the highest of either. */
function writePort(writer: ByteWriter, port: number, bytesToController: number): void {
	const wide = port >= 0xFF_00 ? 0xFF_FF_00_00 + port : port;
	writer.block(standard.output, 'counted', () => writer.u32(wide).u16(bytesToController));
}

/** `(PORT,TABLE)`; without a port the packet keeps the one it came from. */
function writeResubmit(argument: string, writer: ByteWriter): void {
	const [port = '', table, ...rest] = argument.split(',');
	if (table === undefined || rest.length > 0) {
		throw new WordError(argument, 'is not what resubmit takes: (PORT,TABLE) or (,TABLE)');
	}

	writeExtension(writer, extension.resubmitTable, () =>
		writer.u16(portNumber(port === '' ? 'in_port' : port)).u8(smallNumber(table, lastTable)));
}

/** `VALUE[/MASK]->FIELD`. OpenFlow 1.4 sets whole fields only; as ovs-ofctl does, some of its bits are loaded, each run of them by an action of Open vSwitch. */
function writeSetField(argument: string, writer: ByteWriter, match: Match): void {
	const [text, name] = arrow(argument);
	const field = fieldOf(name, match);
	const {value, mask} = field.read(text, field.bits);
	if (mask === allOnes(field.bits)) {
		writer.block(standard.setField, 'counted', () => {
			writeField(writer, field, {value, mask});
		});
		return;
	}

	for (const {start, bits} of runsOf(mask)) {
		writeLoadOf({field, start, bits}, (value >> BigInt(start)) & allOnes(bits), writer);
	}
}

/** The runs of ones in a mask from its lowest bit on, none longer than what one action loads. */
function runsOf(mask: bigint): Array<{readonly start: number; readonly bits: number}> {
	const runs = [];
	for (let rest = mask, start = 0; rest !== 0n;) {
		if ((rest & 1n) === 0n) {
			rest >>= 1n;
			start++;
		} else {
			let bits = 0;
			while ((rest & 1n) === 1n && bits < loadLimit) {
				rest >>= 1n;
				bits++;
			}

			runs.push({start, bits});
			start += bits;
		}
	}

	return runs;
}

/** `VALUE->FIELD[A..B]` */
function writeLoad(argument: string, writer: ByteWriter, match: Match): void {
	const [text, name] = arrow(argument);
	const part = readPart(name, match);
	writeLoadOf(part, wholeNumber(text, Math.min(part.bits, loadLimit)), writer);
}

function writeLoadOf(part: Part, value: bigint, writer: ByteWriter): void {
	writeExtension(writer, extension.regLoad, () => writer.u16(placeOf(part)).u32(headerOf(part.field)).wide(value, 8));
}

/** `FIELD[A..B]->FIELD[C..D]` */
function writeMove(argument: string, writer: ByteWriter, match: Match): void {
	const [from, to] = arrow(argument).map(text => readPart(text, match)) as [Part, Part];
	if (from.bits !== to.bits) {
		throw new WordError(argument, `moves ${from.bits} bits to ${to.bits}`);
	}

	writeExtension(writer, extension.regMove, () =>
		writer.u16(from.bits).u16(from.start).u16(to.start).u32(headerOf(from.field)).u32(headerOf(to.field)));
}

function writePopVlan(argument: string, writer: ByteWriter): void {
	if (argument !== '') {
		throw new WordError(argument, 'is too much: pop_vlan takes nothing');
	}

	writer.block(standard.popVlan, 'counted', () => undefined);
}

/** `(ACTION,…)`: what they do to the packet is undone behind them. */
function writeClone(argument: string, writer: ByteWriter, match: Match): void {
	writeExtension(writer, extension.clone, () => {
		writer.zeros(6);
		writeActions(list(argument), writer, match);
	});
}

function writeStack(number: number, argument: string, writer: ByteWriter, match: Match): void {
	const {field, start, bits} = readPart(argument, match);
	writeExtension(writer, number, () => writer.u16(start).u32(headerOf(field)).u16(bits));
}

/** `ID,K/N`: the flow is one of the K-th of N lists; on the wire lists are counted from 0. */
function writeConjunction(argument: string, writer: ByteWriter): void {
	const [, id = '', list = '', lists = ''] = /^(\w+),(\d+)\/(\d+)$/.exec(argument) ?? [];
	const [place, count] = [Number(list), Number(lists)];
	if (id === '' || place < 1 || place > count || count < 2 || count > 64) {
		throw new WordError(argument, 'is not what conjunction takes: (ID,K/N), K from 1 to N, N from 2 to 64');
	}

	writeExtension(writer, extension.conjunction, () => writer.u8(place - 1).u8(count).u32(smallNumber(id, 0xFF_FF_FF_FF)));
}

/** `commit,force,zone=N,table=N,exec(…)` in any order; the zone may be `FIELD[A..B]`. */
function writeTracking(argument: string, writer: ByteWriter, match: Match): void {
	const words = list(argument);
	const valueOf = (key: string) => words.find(word => word.startsWith(`${key}=`))?.slice(key.length + 1);
	const unknown = words.find(word => !/^(?:commit$|force$|zone=|table=|exec\()/.test(word));
	if (unknown !== undefined) {
		throw new WordError(unknown, 'is not what ct takes: commit, force, zone=, table= and exec(…)');
	}

	const [zone = '0', table] = [valueOf('zone'), valueOf('table')];
	const part = zone.includes('[') ? readPart(zone, match) : undefined;
	const flags = (words.includes('commit') ? ctCommit : 0) + (words.includes('force') ? ctForce : 0);
	writeExtension(writer, extension.ct, () => {
		writer.u16(flags).u32(part ? headerOf(part.field) : 0).u16(part ? placeOf(part) : smallNumber(zone, 0xFF_FF));
		writer.u8(table === undefined ? noTable : smallNumber(table, lastTable)).zeros(5);
		for (const word of words.filter(each => each.startsWith('exec('))) {
			writeActions(list(word.slice('exec('.length, -1)), writer, match);
		}
	});
}

function writeExtension(writer: ByteWriter, number: number, fill: () => void): void {
	writer.block(experimenter, 'counted', () => {
		writer.u32(nicira).u16(number);
		fill();
	});
}
