/** Links that are shaped together: all of them, or none. */
import {type Shaping, isShaped, parseShaping} from '../topology/shaping.ts';
import type {ShapingOptions} from '../topology/specs.ts';
import {requireShaping} from './shaping.ts';

/** What is asked of each; a link is that. */
export type ShapedLink = {
	readonly words: string;
	/** Of the frames that each end sends. */
	readonly shaping: readonly [Shaping, Shaping];
	shapingWith(shaping: Shaping, from: string | undefined): readonly [Shaping, Shaping];
	reshape(shaping: readonly [Shaping, Shaping]): void;
};

/** @param from as of Link.shape @throws as Link.shape; all links then are as before */
export async function shapeTogether(links: readonly ShapedLink[], options: ShapingOptions, from?: string): Promise<void> {
	const shaping = parseShaping(options);
	const changes = links.map(link => ({link, before: link.shaping, after: link.shapingWith(shaping, from)}));
	if (isShaped(shaping)) {
		await requireShaping(links[0]?.words ?? '');
	}

	for (const [index, {link, after}] of changes.entries()) {
		try {
			link.reshape(after);
		} catch (error) {
			for (const each of changes.slice(0, index + 1).toReversed()) {
				putBack(each);
			}

			throw error;
		}
	}
}

/** What refuses that as well is the one that failed: its interface is gone, and its error is on its way. */
function putBack({link, before}: {readonly link: ShapedLink; readonly before: readonly [Shaping, Shaping]}): void {
	try {
		link.reshape(before);
	} catch {
		// Nothing more can be done for it.
	}
}
