/** What flows have done, as OpenFlow 1.4 asks for it and answers: multipart messages of kind OFPMP_FLOW. Pure. */
import type {Flow} from './openflow.ts';

export type FlowCount = Omit<Flow, 'text'>;

/** OFPMP_FLOW, OFPTT_ALL, and OFPP_ANY, which is OFPG_ANY too. */
const flowStatistics = 1;
const allTables = 0xFF;
const any = 0xFF_FF_FF_FF;
/** An empty match: OFPMT_OXM and its own length of 4. */
const emptyMatch = {type: 1, length: 4} as const;
/** Bytes before the first entry of an answer. */
const answerHeader = 8;
/** Where an entry has what. Its match and its actions, which follow, are left unread. */
const at = {length: 0, table: 2, priority: 12, cookie: 24, packets: 32, bytes: 40} as const;

/** Which flows: of one table, and of cookies with these bits; all of them where nothing is said. */
export type CountsFilter = {readonly table?: number; readonly cookie?: {readonly value: bigint; readonly mask: bigint}};

/** The body of a request for counts. */
export function countsRequest({table = allTables, cookie = {value: 0n, mask: 0n}}: CountsFilter): Buffer {
	const body = Buffer.alloc(48);
	body.writeUInt16BE(flowStatistics, 0);
	body.writeUInt8(table, 8);
	body.writeUInt32BE(any, 12);
	body.writeUInt32BE(any, 16);
	body.writeBigUInt64BE(cookie.value, 24);
	body.writeBigUInt64BE(cookie.mask, 32);
	body.writeUInt16BE(emptyMatch.type, 40);
	body.writeUInt16BE(emptyMatch.length, 42);
	return body;
}

/** @param body of one answer; long lists come in several */
export function countsIn(body: Buffer): FlowCount[] {
	const counts: FlowCount[] = [];
	let rest = body.subarray(answerHeader);
	while (rest.length > at.bytes) {
		counts.push({
			cookie: rest.readBigUInt64BE(at.cookie),
			table: rest.readUInt8(at.table),
			priority: rest.readUInt16BE(at.priority),
			packets: Number(rest.readBigUInt64BE(at.packets)),
			bytes: Number(rest.readBigUInt64BE(at.bytes)),
		});
		rest = rest.subarray(Math.max(at.bytes, rest.readUInt16BE(at.length)));
	}

	return counts;
}
