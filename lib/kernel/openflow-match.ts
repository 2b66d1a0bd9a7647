/** The match of a flow: its words as fields, in the order and with the protocols that a switch insists on. */
import type {ByteWriter} from './openflow-bytes.ts';
import {WordError} from './openflow-errors.ts';
import {type Field, type Protocol, type ProtocolWord, fieldFor, fieldNamed, protocolWords, writeField} from './openflow-fields.ts';
import {type Masked, allOnes} from './openflow-values.ts';

/** OFPMT_OXM: the match is a list of fields. */
const fieldList = 1;
const etherType = fieldNamed('dl_type');
const ipProtocol = fieldNamed('nw_proto');
const icmp6Type = fieldNamed('icmpv6_type');
const ranks = new Map([['dl_type', 1], ['eth_type', 1], ['nw_proto', 2], ['ip_proto', 2], ['icmp_type', 3], ['icmpv6_type', 3]]);

export class Match {
	readonly #values = new Map<Field, Masked>();

	/**
	@param words such as `tcp` and `tp_dst=80`, in any order
	@throws WordError for a word that cannot be read, contradicts another, or needs a protocol that no word names
	*/
	constructor(words: readonly string[]) {
		// What a word means depends on the words before it in this order, not on where it stands.
		for (const {word} of words.map(each => ({word: each, rank: rank(each)})).sort((a, b) => a.rank - b.rank)) {
			const protocol = protocolWords.get(word);
			if (protocol) {
				this.#readProtocol(word, protocol);
			} else {
				this.#readField(word);
			}
		}
	}

	/** Whether all packets that match are of the protocol. */
	isGiven({etherTypes, ipProtocol: protocol, icmpTypes}: Protocol): boolean {
		return this.#isOneOf(etherType, etherTypes) && this.#isOneOf(ipProtocol, protocol === undefined ? undefined : [protocol]) && this.#isOneOf(icmp6Type, icmpTypes);
	}

	write(writer: ByteWriter): void {
		writer.block(fieldList, 'uncounted', () => {
			for (const [field, value] of [...this.#values].sort(([a], [b]) => a.order - b.order)) {
				writeField(writer, field, value);
			}
		});
	}

	#isOneOf(field: Field, numbers: readonly number[] | undefined): boolean {
		return numbers === undefined || numbers.includes(Number(this.#values.get(field)?.value ?? -1));
	}

	#readProtocol(word: string, protocol: ProtocolWord): void {
		this.#match(word, etherType, exactly(protocol.etherType, etherType.bits));
		if (protocol.ipProtocol !== undefined) {
			this.#match(word, ipProtocol, exactly(protocol.ipProtocol, ipProtocol.bits));
		}
	}

	#readField(word: string): void {
		const [name, text] = cut(word);
		const field = fieldFor(name, each => this.isGiven(each));
		if (text === undefined) {
			throw new WordError(word, 'has no value');
		}

		const value = field.read(text, field.bits);
		if (!field.isMaskable && text.includes('/')) {
			throw new WordError(word, 'cannot have a mask');
		}

		this.#match(word, field, value);
	}

	/** The same twice is fine: a word such as `tcp` may stand beside others that imply it. */
	#match(word: string, field: Field, value: Masked): void {
		const known = this.#values.get(field);
		if (known && (known.value !== value.value || known.mask !== value.mask)) {
			throw new WordError(word, `contradicts another word about ${field.name}`);
		}

		// A field of which no bit matters is not sent, see the OpenFlow 1.4 specification, section 7.2.2.5.
		if (value.mask !== 0n) {
			this.#values.set(field, value);
		}
	}
}

/** First the words for protocols, then fields that say the same, lowest layer first, then the fields that need them. */
function rank(word: string): number {
	return protocolWords.has(word) ? 0 : ranks.get(cut(word)[0]) ?? 4;
}

function cut(word: string): [name: string, text: string | undefined] {
	const equals = word.indexOf('=');
	return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function exactly(value: number, bits: number): Masked {
	return {value: BigInt(value), mask: allOnes(bits)};
}
