/** Commands that a line ended by `&` left running. They end with the lab, as everything in its namespaces does. */
import type {Lab} from '../lab.ts';

type Background = {readonly node: string; readonly command: string};

const running = new WeakMap<Lab, Set<Background>>();

/** Remembers a command until `ended`. Returns how many of the lab run now. */
export function keepInBackground(lab: Lab, background: Background, ended: Promise<unknown>): number {
	const all = running.get(lab) ?? new Set();
	running.set(lab, all.add(background));
	const forget = () => {
		all.delete(background);
	};

	ended.then(forget, forget);
	return all.size;
}

/** The commands that run in the background of a node, oldest first. */
export function backgroundOf(lab: Lab, node: string): string[] {
	return [...running.get(lab) ?? []].filter(each => each.node === node).map(({command}) => command);
}
