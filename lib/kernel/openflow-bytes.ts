/** An OpenFlow message under construction: numbers in network byte order, lengths that are known only at the end, padding to eight bytes. */
import {WordError} from './openflow-errors.ts';

/** The length of a message has 16 bits; the message must also fit into another one, of 16 bytes, which adds it to a bundle. */
export const messageLimit = 0xFF_FF - 16;

export class ByteWriter {
	readonly #buffer = Buffer.alloc(messageLimit);
	#length = 0;

	u8(value: number): this {
		this.#buffer.writeUInt8(value, this.#grow(1));
		return this;
	}

	u16(value: number): this {
		this.#buffer.writeUInt16BE(value, this.#grow(2));
		return this;
	}

	u32(value: number): this {
		this.#buffer.writeUInt32BE(value, this.#grow(4));
		return this;
	}

	/** @param length bytes, up to 16 */
	wide(value: bigint, length: number): this {
		const at = this.#grow(length);
		let rest = value;
		for (let index = at + length - 1; index >= at; index--) {
			this.#buffer[index] = Number(rest & 0xFFn);
			rest >>= 8n;
		}

		return this;
	}

	zeros(count: number): this {
		const at = this.#grow(count);
		for (let index = at; index < at + count; index++) {
			this.#buffer[index] = 0;
		}

		return this;
	}

	/**
	Writes what begins with a type of 16 bits and its own length in bytes, as actions, instructions and matches do.

	@param padding `counted` when the length includes the zeros up to the next multiple of eight
	*/
	block(type: number, padding: 'counted' | 'uncounted', fill: () => void): this {
		const start = this.#length;
		this.u16(type).zeros(2);
		fill();
		if (padding === 'counted') {
			this.align(start);
		}

		this.#buffer.writeUInt16BE(this.#length - start, start + 2);
		return this.align(start);
	}

	/** Zeros up to the next multiple of eight after `start`. */
	align(start: number): this {
		return this.zeros(-(this.#length - start) & 7);
	}

	get length(): number {
		return this.#length;
	}

	/** A copy of what was written; the writer begins anew. */
	take(): Buffer {
		const copy = Buffer.from(this.#buffer.subarray(0, this.#length));
		this.#length = 0;
		return copy;
	}

	reset(): void {
		this.#length = 0;
	}

	#grow(count: number): number {
		const at = this.#length;
		if (at + count > messageLimit) {
			throw new WordError('actions', `take more than ${messageLimit} bytes, which is what one message holds`);
		}

		this.#length += count;
		return at;
	}
}
