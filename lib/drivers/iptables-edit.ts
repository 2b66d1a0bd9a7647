/** A small change of chains as iptables-restore(8) takes it: only the lines that go and those that come, so that a rule more costs the same however many there are. */
import {changedSpan} from '../policy/passes/changed-span.ts';
import type {TextLine} from './iptables-lines.ts';

type Lines = readonly TextLine[];

/** Lines that go and come; for more than these it is better to write the chains anew. Each that goes is looked for in its whole chain. */
const mostLines = 32;

/**
Text for `iptables-restore --noflush`. Lines that stay keep their counters. A line that goes is named by what it says, so that it is refused when somebody else has changed the chain.

@returns undefined when the chains have to be written anew: they come or go altogether, much changes, lines change places, or a line goes whose count another takes over
*/
export function editText(previous: Lines, next: Lines): string | undefined {
	const {first, endBefore, endAfter} = changedSpan(previous, next);
	const [before, after] = [previous.slice(first, endBefore), next.slice(first, endAfter)];
	const [gone, fresh] = [without(before, after), without(after, before)];
	if (previous.length === 0 || next.length === 0 || gone.length + fresh.length > mostLines || takesOver(gone, next) || !isSameOrder(without(before, gone), without(after, fresh))) {
		return undefined;
	}

	const [made, left] = [missingChains(fresh, previous), missingChains(gone, next)];
	return [
		'*filter',
		...[...made, ...left].map(chain => `:${chain} - [0:0]`),
		...gone.filter(({chain}) => !left.has(chain)).map(({text}) => text.replace('-A', '-D')),
		...insertions(fresh, next, first),
		...[...left].map(chain => `-X ${chain}`),
		'COMMIT',
		'',
	].join('\n');
}

function without(lines: Lines, others: Lines): TextLine[] {
	const texts = new Set(others.map(({text}) => text));
	return lines.filter(({text}) => !texts.has(text));
}

/** A text says its label, so that a line that stands twice and goes once is one of these. */
function takesOver(gone: Lines, next: Lines): boolean {
	const labels = new Set(gone.map(({label}) => label));
	return gone.length > 0 && next.some(({label}) => labels.has(label));
}

/** Lines that stand twice in one list and once in the other are not in the same order. */
function isSameOrder(a: Lines, b: Lines): boolean {
	return a.length === b.length && a.every(({text}, index) => text === b[index]?.text);
}

/** Chains of some lines that other lines do not have, in the order of the first line of each. */
function missingChains(lines: Lines, others: Lines): Set<string> {
	return new Set(lines.map(({chain}) => chain).filter(chain => !others.some(other => other.chain === chain)));
}

/** From the first to the last, so that each finds the lines before it in place. */
function insertions(fresh: Lines, next: Lines, first: number): string[] {
	let from = first;
	return fresh.map(line => {
		const index = next.indexOf(line, from);
		from = index + 1;
		return line.text.replace(`-A ${line.chain}`, `-I ${line.chain} ${placeOf(line.chain, next, index)}`);
	});
}

/** The line's number in its chain, counted from 1. */
function placeOf(chain: string, lines: Lines, index: number): number {
	return lines.slice(0, index).filter(line => line.chain === chain).length + 1;
}
