/** The one place where the marks of packets that cross a Linux bridge have numbers, and how lines read and write them. */

/**
Bits of a packet's mark. The first chain clears them, and the packet leaves the namespace without any. The bridge's own chains cannot ask
connection tracking, so the chains around it tell them by these what it knows, and are told what to make.
*/
const bits = {
	/** Connection tracking has seen it. */
	tracked: 0x0100_0000,
	/** Part of a connection that the policy made, or the answer to what a firewall rejects. */
	made: 0x0200_0000,
	/** Always allowed: it goes on without being judged. */
	unjudged: 0x0400_0000,
	/** Neither ARP nor IP. */
	other: 0x0800_0000,
	/** Opens no connection; the number that lines of perimeter routers use as well. */
	noted: 0x1000_0000,
	/** For many: judged for each receiver. */
	multicast: 0x2000_0000,
	/** Permitted: makes its connection. */
	make: 0x4000_0000,
	/** Rejected: goes on to the firewall that answers. */
	answer: 0x8000_0000,
} as const;

type Mark = keyof typeof bits;

export const clearMark = 'meta mark set 0';

/** Matches packets that have any of the marks. */
export function isMarked(...marks: readonly Mark[]): string {
	return `meta mark & ${hex(marks)} != 0`;
}

export function isUnmarked(...marks: readonly Mark[]): string {
	return `meta mark & ${hex(marks)} == 0`;
}

export function setMark(mark: Mark): string {
	return `meta mark set meta mark | ${hex([mark])}`;
}

function hex(marks: readonly Mark[]): string {
	return `0x${marks.reduce((sum, mark) => sum + bits[mark], 0).toString(16)}`;
}
