/** Looks again when what was seen may only be late or lost, and so no disagreement. */

/**
How often, at most. A busy machine loses packets, a kernel that has asked in vain for a neighbour's MAC address asks again after a second
(`retrans_time`, arp(7)), and a link that came back needs a moment to carry something.
*/
const tries = 3;

/** The first look that is sure, else the last one. */
export async function lookUntilSure<Look>(lookAt: () => Promise<Look>, isSure: (look: Look) => boolean): Promise<Look> {
	let look = await lookAt();
	for (let left = tries - 1; left > 0 && !isSure(look); left--) {
		look = await lookAt();
	}

	return look;
}
