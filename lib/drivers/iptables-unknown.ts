/** Steps of a perimeter router of which nobody knows what it has: everything is made anew, from whichever state it may be in. */
import type {Family} from '../util/address.ts';
import type {Step} from './driver.ts';
import {diffPerimeter, restoreText} from './iptables-render.ts';
import type {PerimeterState, PerimeterSteps} from './iptables-render.ts';
import {createLines, resetLines} from './perimeter-sets.ts';

/** As `diffPerimeter`; where nobody knows, ipsets are made empty if they are missing, and filled by a swap, because chains may be using them. */
export function stepsOf({previous, next, perhaps = []}: Step<PerimeterState>): PerimeterSteps {
	if (perhaps.length === 0) {
		return diffPerimeter(previous, next);
	}

	const sets = [...next.sets.values()];
	return {
		create: sets.flatMap(createLines).filter(line => line.startsWith('create ')),
		change: sets.flatMap(resetLines),
		replace: [4, 6],
		destroy: [...new Set([previous, ...perhaps].flatMap(state => diffPerimeter(state, next).destroy))],
	};
}

/**
As `restoreText`.

@param saved what iptables-save prints, which tells whether the chains are there
@returns undefined when they are not, and are not to be
*/
export function textFromAny(saved: string, candidates: readonly PerimeterState[], next: PerimeterState, family: Family): string | undefined {
	const isAttached = saved.includes('-A FORWARD -j PFW');
	const before = isAttached ? [...candidates, next].flatMap(({lines}) => lines[family]) : [];
	return isAttached || next.lines[family].length > 0 ? restoreText(before, next.lines[family]) : undefined;
}
