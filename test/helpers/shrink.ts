/** Makes a failing scenario small: leaves out hosts, links, lines and words as long as it still fails. */
import type {Scenario} from './arbitrary-policy.ts';
import {type Draft, scenarioOf} from './counterexample.ts';

/**
Tries smaller drafts until none fails any more, or it has been enough.

@param fails whether a scenario still shows what is looked for
@param isOver whether the smallest found so far is good enough
*/
export async function shrink(draft: Draft, fails: (scenario: Scenario) => Promise<boolean>, isOver: () => boolean): Promise<Draft> {
	let smallest = draft;
	for (let progress = true; progress;) {
		progress = false;
		for (const next of smaller(smallest)) {
			if (isOver()) {
				return smallest;
			}

			const scenario = tried(next);
			if (scenario && await fails(scenario)) {
				[smallest, progress] = [next, true];
				break;
			}
		}
	}

	return smallest;
}

/** Leaving out may leave names without a meaning. */
function tried(draft: Draft): Scenario | undefined {
	try {
		return scenarioOf(draft);
	} catch {
		return undefined;
	}
}

/** Much smaller ones first. */
function* smaller(draft: Draft): Generator<Draft> {
	const {network, lines, packets, isolation} = draft;
	for (const shorter of without(packets)) {
		yield {...draft, packets: shorter};
	}

	for (const shorter of without(lines)) {
		yield {...draft, lines: shorter};
	}

	for (const shorter of without(network)) {
		const hosts = new Set(shorter.flatMap(line => /\bh\d+/.exec(line) ?? []));
		yield {...draft, network: shorter, lines: lines.filter(line => (line.match(/\bh\d+/g) ?? []).every(host => hosts.has(host)))};
	}

	if (isolation !== 'none') {
		yield {...draft, isolation: 'none'};
	}

	yield* shorterWords(draft);
}

function* shorterWords(draft: Draft): Generator<Draft> {
	for (const part of ['lines', 'network'] as const) {
		for (const [index, line] of draft[part].entries()) {
			for (const shorter of shorterLines(line)) {
				yield {...draft, [part]: draft[part].with(index, shorter)};
			}
		}
	}
}

/** Without one, two or three words, without a part of a list, with one member for a list in parentheses, or with `any` for a peer. */
function* shorterLines(line: string): Generator<string> {
	for (const {0: list, index} of line.matchAll(/\([^()]*\)/g)) {
		for (const member of list.slice(1, -1).split(', ')) {
			yield line.slice(0, index) + member + line.slice(index + list.length);
		}
	}

	const words = line.split(' ');
	for (const length of [3, 2, 1]) {
		for (let start = 1; start + length <= words.length; start++) {
			yield words.toSpliced(start, length).join(' ');
		}
	}

	for (const [index, word] of words.entries()) {
		for (const shorter of word.includes(',') ? without(word.replaceAll(/[{}]/g, '').split(',')) : []) {
			yield words.with(index, /[{}]/.test(word) && shorter.length > 1 ? `{${shorter.join(',')}}` : shorter.join(',')).join(' ');
		}

		if (/^secrule add/.test(line) && ['allow', 'deny', 'reject', 'to'].includes(words[index - 1] ?? '') && word !== 'any') {
			yield words.with(index, 'any').join(' ');
		}
	}
}

/** Every way to leave out a half, a quarter … and one. */
function* without<Item>(items: readonly Item[]): Generator<readonly Item[]> {
	for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
		for (let start = 0; start < items.length; start += size) {
			const rest = items.toSpliced(start, size);
			if (rest.length > 0) {
				yield rest;
			}
		}
	}
}
