/** A network as data: a class whose `build()` adds nodes and links. Building it needs no root and starts nothing. */
import {InputError, messageOf} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import {type ParameterSpecs, type ParameterValues, defaultValues} from './parameters.ts';
import type {
	BridgeOptions, EndSpec, Graph, HostOptions, InterfaceOptions, LinkOptions, LinkSpec, NodeSpec, PortOptions, RouterOptions, Settings, StationOptions, SwitchOptions, TunnelOptions,
	TunnelSpec, VxlanOptions,
} from './specs.ts';

/**
The base of every topology file:

	export default class Pair extends Topology.with({rate: {type: 'number', default: 10, summary: 'packets a second'}}) {
		override build(): void {
			this.addLink(this.addHost('h1'), this.addHost('h2', {ip: '10.0.0.9/8'}));
		}
	}

A file without parameters says `extends Topology`.
*/
export abstract class Topology<Specs extends ParameterSpecs = ParameterSpecs> {
	static readonly parameters: ParameterSpecs = {};

	/** A base class whose `this.parameters` has a typed value for each spec. */
	static with<const Specs extends ParameterSpecs>(parameters: Specs) {
		abstract class Parameterized extends Topology<Specs> {
			static override readonly parameters = parameters;
		}

		return Parameterized;
	}

	/** The default name of its lab; the class name in lower case with dashes unless a subclass says otherwise. */
	readonly name: string = dashed(this.constructor.name);
	readonly settings: Settings = {};
	/** Lines of the prompt that make the policy it begins with, such as `secrule add allow web to db`; each changes the policy and nothing else. */
	readonly policy: readonly string[] = [];
	/** Lines of the prompt that `securenet run` takes as soon as the lab is up, and prints with what comes of each, unless it is given lines to run. */
	readonly steps: readonly string[] = [];
	readonly parameters: ParameterValues<Specs>;
	#draft: Draft | undefined;
	#graph: Graph | undefined;

	// Never calls build(): the fields of a subclass are still undefined here. The specs are static, so they exist.
	constructor(values: Partial<ParameterValues<Specs>> = {}) {
		this.parameters = {...defaultValues(new.target.parameters), ...values} as ParameterValues<Specs>;
	}

	/** Adds all nodes and links. Called once, by whoever needs the graph first. */
	abstract build(): void;

	/** @returns a handle for `addLink` */
	addHost(name: string, options: HostOptions = {}): NodeHandle<StationOptions> {
		return this.#add({kind: 'host', name, options});
	}

	addRouter(name: string, options: RouterOptions = {}): NodeHandle<StationOptions> {
		return this.#add({kind: 'router', name, options});
	}

	/** An Open vSwitch bridge. */
	addSwitch(name: string, options: SwitchOptions = {}): NodeHandle<PortOptions> {
		return this.#add({kind: 'switch', name, options});
	}

	/** A Linux bridge. */
	addBridge(name: string, options: BridgeOptions = {}): NodeHandle<PortOptions> {
		return this.#add({kind: 'bridge', name, options});
	}

	/**
	Joins two nodes, each by a new interface.

	@param a a node, or `node.interface({…})` to say more about its end
	@returns the link as the graph keeps it
	*/
	addLink(a: NodeHandle | End, b: NodeHandle | End, options: LinkOptions = {}): LinkSpec {
		const link: LinkSpec = {ends: [this.#end(a), this.#end(b)], options};
		this.#drafting('addLink()').links.push(link);
		return link;
	}

	/**
	A tunnel between two hosts or routers: each gets an interface, and what is sent into one comes out of the other, carried by the network between their endpoints.

	@param a a host or router, or `node.interface({ip, endpoint, …})` to say more about its end; over SSH it is the one that connects
	@param options such as `{via: 'gre', key: 7}`
	*/
	addTunnel(a: NodeHandle<StationOptions> | End, b: NodeHandle<StationOptions> | End, options: TunnelOptions): TunnelSpec {
		return this.#addTunnel([a, b], options);
	}

	/** One Ethernet segment among any number of hosts and routers, each of which sends to all others. @param ends two or more, as in `addTunnel` */
	addVxlan(ends: ReadonlyArray<NodeHandle<StationOptions> | End>, options: Omit<VxlanOptions, 'via'> = {}): TunnelSpec {
		return this.#addTunnel(ends, {...options, via: 'vxlan'});
	}

	/**
	What `build()` adds, unchecked; the same object every time.

	@throws InputError `build` when `build()` fails
	*/
	describe(): Graph {
		this.#graph ??= this.#run();
		return this.#graph;
	}

	#run(): Graph {
		if (this.build.constructor.name === 'AsyncFunction') {
			throw new InputError('build', `build() of ${this.name} is async: what it adds after its first await would be lost. Make it a plain method.`);
		}

		const draft: Draft = {nodes: [], links: [], tunnels: []};
		this.#draft = draft;
		try {
			this.build();
		} catch (error) {
			const {code, message, details} = error instanceof InputError ? error : new InputError('build', `build() of ${this.name} failed: ${messageOf(error)}`);
			throw new InputError(code, `${message}${placeOf(error)}`, details, {cause: error});
		} finally {
			this.#draft = undefined;
		}

		return {name: this.name, settings: this.settings, ...draft};
	}

	#add<Options extends InterfaceOptions>(node: NodeSpec): NodeHandle<Options> {
		this.#drafting(`Adding ${node.kind} ${node.name}`).nodes.push(node);
		return new NodeHandle(this, node.name);
	}

	#addTunnel(ends: ReadonlyArray<NodeHandle | End>, options: TunnelOptions): TunnelSpec {
		refuseNothing(options);
		const tunnel: TunnelSpec = {ends: ends.map(end => this.#end(end)), options};
		this.#drafting('Adding a tunnel').tunnels.push(tunnel);
		return tunnel;
	}

	#drafting(deed: string): Draft {
		if (!this.#draft) {
			throw new InputError('build', `${deed} is possible in build() only.`);
		}

		return this.#draft;
	}

	#end(given: NodeHandle | End): EndSpec {
		const {node, options} = toEnd(given);
		return node.owner === this ? {node: node.name, options} : {node: node.name, options, foreign: node.owner.name};
	}
}

/** A topology file's default export, as the command line meets it. */
export type TopologyClass = (new (values?: Readonly<Record<string, number | string | boolean>>) => Topology) & {readonly parameters: ParameterSpecs};

type Draft = {readonly nodes: NodeSpec[]; readonly links: LinkSpec[]; readonly tunnels: TunnelSpec[]};

/** A node while it is being linked. Only `add*` makes handles, so a misspelled node does not compile. */
export class NodeHandle<Options extends InterfaceOptions = InterfaceOptions> {
	/** The topology it was added to. */
	readonly owner: {readonly name: string};
	readonly name: string;

	constructor(owner: {readonly name: string}, name: string) {
		this.owner = owner;
		this.name = name;
	}

	/** An end for `addLink` with options of its own. It becomes an interface when it is linked. */
	interface(options?: Options): End {
		return new End(this, options ?? {});
	}
}

/** One end of a link to be. */
export class End {
	readonly node: NodeHandle;
	readonly options: InterfaceOptions;

	constructor(node: NodeHandle, options: InterfaceOptions) {
		this.node = node;
		this.options = options;
	}
}

/** Topology files run without a type check, so that names or undefined may arrive here. */
function toEnd(given: unknown): End {
	if (given instanceof NodeHandle) {
		return given.interface();
	}

	if (given instanceof End) {
		return given;
	}

	const word = typeof given === 'string' ? `"${printable(given)}"` : typeof given;
	throw new InputError('build', `A link or tunnel was given ${word} as its end. Give it what addHost(), addRouter(), addSwitch() or addBridge() returned.`, {expected: ['node']});
}

/** @throws InputError `build` */
function refuseNothing(options: unknown): void {
	if (typeof options !== 'object' || options === null) {
		throw new InputError('build', 'A tunnel was added without options. Say what carries it: addTunnel(r1, r2, {via: \'gre\'}), or vxlan, or ssh.', {expected: ['gre', 'vxlan', 'ssh']});
	}
}

/** RouterAsSwitch → router-as-switch, VirtualL2 → virtual-l2. */
function dashed(className: string): string {
	return className
		.replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
		.replaceAll(/([a-z\d])([A-Z])/g, '$1-$2')
		.toLowerCase();
}

/** Where a program's mistake was made: the innermost line of the stack that is not of this file. */
function placeOf(error: unknown): string {
	const frames = error instanceof Error ? (error.stack ?? '').split('\n').map(line => line.trim()).filter(line => line.startsWith('at ')) : [];
	const frame = frames.find(line => !line.includes(import.meta.url) && !line.includes(import.meta.filename));
	return frame === undefined ? '' : ` (${frame})`;
}
