/** Shapes: topologies that are named by a word and numbers, such as `tree,2,3`. */
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import {type NodeHandle, Topology} from './topology.ts';

export type SwitchKind = 'switch' | 'bridge';

const kindParameter = {type: 'string', default: 'switch', choices: ['switch', 'bridge'], summary: 'Open vSwitch or Linux bridge'} as const;

function countParameter(value: number, summary: string) {
	return {type: 'number', default: value, summary} as const;
}

/**
Hosts around one switch.

	h1 … hN ── s1
*/
export class Single extends Topology.with({hosts: countParameter(2, 'hosts'), kind: kindParameter}) {
	override build(): void {
		const s1 = addForwarder(this, this.parameters.kind, 1);
		for (const n of counting(this.parameters.hosts)) {
			this.addLink(this.addHost(`h${n}`), s1);
		}
	}
}

/** Two hosts and a switch. */
export class Minimal extends Single {}

/**
Switches in a row, each with its hosts.

	h1 ── s1 ── s2 ── … ── sN ── hN
*/
export class Linear extends Topology.with({switches: countParameter(2, 'switches'), hosts: countParameter(1, 'hosts a switch'), kind: kindParameter}) {
	override build(): void {
		const {switches, hosts, kind} = this.parameters;
		let last: NodeHandle | undefined;
		for (const n of counting(switches)) {
			const current = addForwarder(this, kind, n);
			for (const m of counting(hosts)) {
				this.addLink(this.addHost(hosts === 1 ? `h${n}` : `h${m}s${n}`), current);
			}

			if (last) {
				this.addLink(last, current);
			}

			last = current;
		}
	}
}

/**
Switches as a tree, hosts as its leaves; numbered depth first from the root s1.

	s1 ─┬─ s2 ─┬─ h1
	    │      └─ h2
	    └─ s3 ─┬─ h3
	           └─ h4
*/
export class Tree extends Topology.with({depth: countParameter(1, 'levels of switches'), fanout: countParameter(2, 'children a switch'), kind: kindParameter}) {
	#switches = 0;
	#hosts = 0;

	override build(): void {
		this.#grow(this.parameters.depth);
	}

	#grow(depth: number): NodeHandle {
		if (depth === 0) {
			return this.addHost(`h${++this.#hosts}`);
		}

		const node = addForwarder(this, this.parameters.kind, ++this.#switches);
		for (let child = 0; child < this.parameters.fanout; child++) {
			this.addLink(node, this.#grow(depth - 1));
		}

		return node;
	}
}

type Shape = {
	readonly form: string;
	/** How many numbers may follow the word. */
	readonly counts: readonly [min: number, max: number];
	/** Nodes that it would have. */
	size(a: number, b: number): number;
	make(kind: SwitchKind, a: number, b: number): Topology;
};

const shapes: Readonly<Record<string, Shape>> = {
	minimal: {form: 'minimal', counts: [0, 0], size: () => 3, make: kind => new Minimal({kind})},
	single: {form: 'single,N', counts: [1, 1], size: hosts => hosts + 1, make: (kind, hosts) => new Single({kind, hosts})},
	linear: {form: 'linear,N[,M]', counts: [1, 2], size: (switches, hosts) => switches * (1 + hosts), make: (kind, switches, hosts) => new Linear({kind, switches, hosts})},
	tree: {form: 'tree,DEPTH,FANOUT', counts: [2, 2], size: treeSize, make: (kind, depth, fanout) => new Tree({kind, depth, fanout})},
};

/** The forms of all shapes, for help texts. */
export const shapeForms: readonly string[] = Object.values(shapes).map(({form}) => form);

/** Nodes. Far above what one kernel carries, low enough that describing it ends at once. */
const sizeLimit = 65_536;
/** Levels of a tree, which is described by recursion. */
const depthLimit = 1000;

/**
@param text such as `tree,2,3`
@returns undefined when the first word names no shape: it may be a file
@throws InputError `shape` when the numbers are wrong
*/
export function shape(text: string, {switchKind}: {readonly switchKind: SwitchKind}): Topology | undefined {
	const [word = '', ...numbers] = text.split(',');
	const found = Object.hasOwn(shapes, word) ? shapes[word] : undefined;
	if (!found) {
		return undefined;
	}

	const [min, max] = found.counts;
	if (numbers.length < min || numbers.length > max || !numbers.every(number => /^[1-9]\d{0,5}$/.test(number))) {
		throw new InputError('shape', `"${printable(text)}" does not fit the shape ${found.form}: write whole numbers from 1, without spaces.`, {expected: [found.form]});
	}

	const [a = 1, b = 1] = numbers.map(Number);
	if (found.size(a, b) > sizeLimit) {
		throw new InputError('shape', `"${text}" is too large: ${sizeLimit} nodes and ${depthLimit} levels are possible.`, {expected: [found.form]});
	}

	return found.make(switchKind, a, b);
}

/** Every level has fanout times the nodes of the one above. */
function treeSize(depth: number, fanout: number): number {
	return depth > depthLimit ? Infinity : counting(depth).reduce((size, level) => size + fanout ** level, 1);
}

function addForwarder(topology: Pick<Topology, 'addSwitch' | 'addBridge'>, kind: SwitchKind, number: number): NodeHandle {
	const name = `s${number}`;
	return kind === 'switch' ? topology.addSwitch(name) : topology.addBridge(name);
}

function counting(count: number): number[] {
	return Array.from({length: count}, (_, index) => index + 1);
}
