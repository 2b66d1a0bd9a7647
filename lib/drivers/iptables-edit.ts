/** A small change of chains as iptables-restore(8) takes it: only the lines that go and those that come, so that a rule more costs the same however many there are. */
import type {TextLine} from './iptables-lines.ts';

type Lines = readonly TextLine[];

/** Lines that go and come; for more than these it is better to write the chains anew. Each that goes is looked for in its whole chain. */
const mostLines = 32;

/**
Text for `iptables-restore --noflush`. Lines that stay keep their counters. A line that goes is named by what it says, so that it is refused when somebody else has changed the chain.

@returns undefined when the chains have to be written anew: they come or go altogether, much changes, lines change places, or a line goes whose count another takes over
*/
export function editText(previous: Lines, next: Lines): string | undefined {
	const [before, after] = [chainsOf(previous), chainsOf(next)];
	const [gone, fresh] = [without(previous, next), without(next, previous)];
	if (before.size === 0 || after.size === 0 || gone.length + fresh.length > mostLines || takesOver(gone, next) || !isSameOrder(without(previous, gone), without(next, fresh))) {
		return undefined;
	}

	const [made, left] = [[...after.keys()].filter(chain => !before.has(chain)), [...before.keys()].filter(chain => !after.has(chain))];
	return [
		'*filter',
		...[...made, ...left].map(chain => `:${chain} - [0:0]`),
		...gone.filter(({chain}) => after.has(chain)).map(({text}) => text.replace('-A', '-D')),
		...fresh.map(line => insertion(line, after.get(line.chain) ?? [])),
		...left.map(chain => `-X ${chain}`),
		'COMMIT',
		'',
	].join('\n');
}

/** By the names of their chains, in the order of the first line of each. */
function chainsOf(lines: Lines): Map<string, TextLine[]> {
	const chains = new Map<string, TextLine[]>();
	for (const line of lines) {
		const chain = chains.get(line.chain);
		if (chain) {
			chain.push(line);
		} else {
			chains.set(line.chain, [line]);
		}
	}

	return chains;
}

function without(lines: Lines, others: Lines): TextLine[] {
	const texts = new Set(others.map(({text}) => text));
	return lines.filter(({text}) => !texts.has(text));
}

function takesOver(gone: Lines, next: Lines): boolean {
	const labels = new Set(next.map(({label}) => label));
	return gone.some(({label}) => labels.has(label));
}

/** Lines that stand twice in one list and once in the other are not in the same order. */
function isSameOrder(a: Lines, b: Lines): boolean {
	return a.length === b.length && a.every(({text}, index) => text === b[index]?.text);
}

/** Those that come are inserted from the first to the last, so that each finds the lines before it in place. */
function insertion({chain, text}: TextLine, lines: Lines): string {
	const place = lines.findIndex(line => line.text === text) + 1;
	return text.replace(`-A ${chain}`, `-I ${chain} ${place}`);
}
