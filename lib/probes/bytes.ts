/** Numbers as packets carry them: most significant byte first. */

/** 16 bits each. */
export function words(...values: readonly number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 2);
	values.forEach((value, index) => bytes.writeUInt16BE(value & 0xFF_FF, index * 2));
	return bytes;
}

/** 32 bits each. */
export function longs(...values: readonly number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 4);
	values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
	return bytes;
}

/** A copy of whole 16-bit words, the last filled up with a zero. */
export function evened(bytes: Buffer): Buffer {
	return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}
