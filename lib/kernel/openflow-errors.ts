/** What is wrong with a flow: a word of it that cannot be read here, or the switch's own answer by its name in the OpenFlow specification. */
import {SecureNetError} from '../util/errors.ts';
import {printable} from '../util/names.ts';

/** A flow cannot be read, or the switch refused flows. Nothing has changed. */
export class FlowError extends SecureNetError {
	override name = 'FlowError';
	/** Undefined when no switch was asked, because the flow cannot be read. */
	readonly bridge: string | undefined;
	/** The line that was refused, when it is known. */
	readonly refused: string | undefined;

	constructor(bridge: string | undefined, refused: string | undefined, words: string, options?: ErrorOptions) {
		const flow = refused === undefined ? 'the flows' : `"${refused}"`;
		super('flow', `${bridge === undefined ? `Cannot read ${flow}` : `Switch ${bridge} refuses ${flow}`}: ${words}`, {}, options);
		this.bridge = bridge;
		this.refused = refused;
	}
}

/** One word of a flow cannot be read. Whoever knows the whole line makes a `FlowError` of it. */
export class WordError extends SecureNetError {
	override name = 'WordError';

	/** @param problem goes on after the quoted word, such as `is no number` */
	constructor(word: string, problem: string) {
		super('flow-word', `"${printable(word)}" ${problem}`);
	}
}

/** Names by code, in the order of the OpenFlow 1.4 specification, section 7.4; the prefix is Open vSwitch's. */
const names: Readonly<Record<number, {readonly prefix: string; readonly codes: string}>> = {
	0: {prefix: 'OFPHFC', codes: 'INCOMPATIBLE EPERM'},
	1: {
		prefix: 'OFPBRC',
		codes: 'BAD_VERSION BAD_TYPE BAD_MULTIPART BAD_EXPERIMENTER BAD_EXP_TYPE EPERM BAD_LEN BUFFER_EMPTY BUFFER_UNKNOWN BAD_TABLE_ID IS_SLAVE BAD_PORT BAD_PACKET MULTIPART_BUFFER_OVERFLOW',
	},
	2: {
		prefix: 'OFPBAC',
		codes: 'BAD_TYPE BAD_LEN BAD_EXPERIMENTER BAD_EXP_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY BAD_QUEUE BAD_OUT_GROUP MATCH_INCONSISTENT UNSUPPORTED_ORDER BAD_TAG BAD_SET_TYPE BAD_SET_LEN BAD_SET_ARGUMENT',
	},
	3: {prefix: 'OFPBIC', codes: 'UNKNOWN_INST UNSUP_INST BAD_TABLE_ID UNSUP_METADATA UNSUP_METADATA_MASK BAD_EXPERIMENTER BAD_EXP_TYPE BAD_LEN EPERM DUP_INST'},
	4: {prefix: 'OFPBMC', codes: 'BAD_TYPE BAD_LEN BAD_TAG BAD_DL_ADDR_MASK BAD_NW_ADDR_MASK BAD_WILDCARDS BAD_FIELD BAD_VALUE BAD_MASK BAD_PREREQ DUP_FIELD EPERM'},
	5: {prefix: 'OFPFMFC', codes: 'UNKNOWN TABLE_FULL BAD_TABLE_ID OVERLAP EPERM BAD_TIMEOUT BAD_COMMAND BAD_FLAGS CANT_SYNC BAD_PRIORITY'},
	12: {prefix: 'OFPMMFC', codes: 'UNKNOWN METER_EXISTS INVALID_METER UNKNOWN_METER BAD_COMMAND BAD_FLAGS BAD_RATE BAD_BURST BAD_BAND BAD_BAND_VALUE OUT_OF_METERS OUT_OF_BANDS'},
	17: {
		prefix: 'OFPBFC',
		codes: 'UNKNOWN EPERM BAD_ID BUNDLE_EXIST BUNDLE_CLOSED OUT_OF_BUNDLES BAD_TYPE BAD_FLAGS MSG_BAD_LEN MSG_BAD_XID MSG_UNSUP MSG_CONFLICT MSG_TOO_MANY MSG_FAILED TIMEOUT BUNDLE_IN_PROGRESS',
	},
};

/** The name of an error, such as `OFPBAC_BAD_OUT_GROUP`; extensions and what is newer than OpenFlow 1.4 have only their numbers. */
export function errorName(type: number, code: number): string {
	const {prefix, codes} = names[type] ?? {};
	const name = codes?.split(' ')[code];
	return prefix === undefined || name === undefined ? `OpenFlow error ${type}, code ${code}` : `${prefix}_${name}`;
}
