/** Attributes of a netlink message, read by type: the counterpart of `Request`. See netlink(7). */
import {align} from './rtnetlink.ts';

/** Without the two bits NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const typeMask = 0x3F_FF;
/** Bytes of struct nlattr: length and type. */
const headerLength = 4;

/**
Nothing is copied: what is wanted must be read before the buffer is filled again. Each question looks through the
attributes anew, which are few; an index of them would cost more than the reading of a whole connection.
*/
export class Attributes {
	readonly #bytes: Buffer;
	readonly #start: number;
	readonly #end: number;

	constructor(bytes: Buffer, start = 0, end = bytes.length) {
		this.#bytes = bytes;
		this.#start = start;
		this.#end = end;
	}

	/** Those inside an attribute; none when it is absent. */
	nested(type: number): Attributes {
		const at = this.#find(type);
		return at === undefined ? new Attributes(this.#bytes, 0, 0) : new Attributes(this.#bytes, at + headerLength, this.#endOf(at));
	}

	/** A number of one, two or four bytes in network order, as netfilter writes them. */
	number(type: number): number | undefined {
		const at = this.#find(type);
		return at === undefined ? undefined : this.#bytes.readUIntBE(at + headerLength, this.#endOf(at) - at - headerLength);
	}

	/** A number of one, two or four bytes in the byte order of this machine, as rtnetlink writes them. */
	hostNumber(type: number): number | undefined {
		const at = this.#find(type);
		return at === undefined ? undefined : this.#bytes.readUIntLE(at + headerLength, this.#endOf(at) - at - headerLength);
	}

	/** Empty when it is absent. */
	bytes(type: number): Buffer {
		const at = this.#find(type);
		return at === undefined ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at + headerLength, this.#endOf(at));
	}

	#find(type: number): number | undefined {
		const wanted = type & typeMask;
		for (let at = this.#start; at + headerLength <= this.#end; at += Math.max(headerLength, align(this.#bytes.readUInt16LE(at)))) {
			if ((this.#bytes.readUInt16LE(at + 2) & typeMask) === wanted) {
				return at;
			}
		}

		return undefined;
	}

	#endOf(at: number): number {
		return at + this.#bytes.readUInt16LE(at);
	}
}
