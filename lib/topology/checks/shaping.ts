/** Checks of shaping: values that can be read, and none that means nothing without another one. */
import {printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import {type ShapingMistake, isShaped, mergeShaping, readShaping, shapingConflicts} from '../shaping.ts';
import type {Graph, LinkSpec} from '../specs.ts';

/** What a link's own options say wrong is told once, not for both of its ends. */
export function checkShaping({links}: Graph, problems: Problems): void {
	for (const link of links.filter(({ends}) => ends.every(({assigned}) => !assigned))) {
		const unreadable = [link, ...link.ends].flatMap(place => tell(subjectOf(place, link), readShaping(place.options).mistakes, problems));
		if (unreadable.length === 0) {
			checkConflicts(link, problems);
		}
	}
}

function checkConflicts(link: LinkSpec, problems: Problems): void {
	const isOwn = link.ends.map(({options}) => isShaped(readShaping(options).shaping));
	for (const [index, end] of link.ends.entries()) {
		const repeats = index === 1 && isOwn.every(own => !own);
		const conflicts = repeats ? [] : shapingConflicts(readShaping(mergeShaping(link.options, end.options)).shaping);
		tell(subjectOf(isOwn[index] ? end : link, link), conflicts, problems);
	}
}

function tell(subject: string, mistakes: readonly ShapingMistake[], problems: Problems): readonly ShapingMistake[] {
	for (const {message, hint} of mistakes) {
		problems.add(subject, message, hint);
	}

	return mistakes;
}

function subjectOf(place: LinkSpec | LinkSpec['ends'][number], {ends}: LinkSpec): string {
	return 'node' in place ? printable(place.node) : `link ${ends.map(({node}) => printable(node)).join(' - ')}`;
}
