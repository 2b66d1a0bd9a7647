/** One line of a bridge's tables that no rule of the policy is behind. */
import type {ContentLine} from './nftables-content.ts';

/** Turns match, verdict, label and sentence into a line of the chain; it counts for itself. An empty match is every packet. */
export function linesOf(chain: string): (match: string, verdict: string, label: string, sentence: string) => ContentLine {
	return (match, verdict, label, sentence) => {
		const comment = `securenet: ${label}`;
		return {chain, text: [match, 'counter', verdict, `comment "${comment}"`].filter(Boolean).join(' '), label: comment, sentence};
	};
}

/** One value, or an anonymous set of several. */
export function oneOf(values: readonly string[]): string {
	return values.length === 1 ? values.join('') : `{ ${values.join(', ')} }`;
}
