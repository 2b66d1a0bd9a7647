/** What joins two nodes directly. */
import {InputError} from '../util/errors.ts';

type Wire = {readonly ends: ReadonlyArray<{readonly node: string}>};

/** @throws InputError `no-link` naming what `from` is linked to */
export function wiresBetween<Any extends Wire>(wires: readonly Any[], from: string, to: string): readonly Any[] {
	const own = wires.filter(({ends}) => ends.some(({node}) => node === from));
	const between = own.filter(({ends}) => ends.some(({node}) => node === to));
	if (between.length === 0) {
		const neighbors = [...new Set(own.flatMap(({ends}) => ends.map(({node}) => node).filter(node => node !== from)))];
		throw new InputError('no-link', `No link between ${from} and ${to}. ${from} is linked to ${neighbors.join(', ') || 'nothing'}.`, {expected: neighbors});
	}

	return between;
}
