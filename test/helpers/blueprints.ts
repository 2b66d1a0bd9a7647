/** Networks drawn as text, one link a line, for tests that need a blueprint and not a topology file. */
import {blueprint} from '../../lib/topology/assign.ts';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import type {HostOptions, NodeSpec, Settings} from '../../lib/topology/specs.ts';
import {type NodeHandle, Topology} from '../../lib/topology/topology.ts';

export type SketchOptions = {
	/** Options of hosts, by name. */
	readonly hosts?: Readonly<Record<string, HostOptions>>;
	readonly settings?: Settings;
};

/**
Draws a network:

	h1 10.0.1.1/24 -- s1
	s1 -- fw 10.0.1.254/24,fd01::fe/64

The kind of a node is in its name: h host, s switch, b bridge, r router, fw perimeter firewall. A line with one name adds a node without a link.
*/
export function sketch(text: string, options: SketchOptions = {}): Blueprint {
	return blueprint(new Sketch(text, options));
}

/** Three networks behind a perimeter firewall, as in topologies/securenet.ts. */
export const secureNet = `
	h10 10.0.10.10/24 -- s1
	h11 10.0.10.11/24 -- s1
	h20 10.0.20.20/24 -- s2
	h21 10.0.20.21/24 -- s2
	h30 10.0.30.30/24 -- s3
	h31 10.0.30.31/24 -- s3
	s1 -- fw 10.0.10.1/24
	s2 -- fw 10.0.20.1/24
	s3 -- fw 10.0.30.1/24
`;

export class Sketch extends Topology {
	override readonly name = 'sketch';
	override readonly settings: Settings;
	readonly #links: ReadonlyArray<readonly string[]>;
	readonly #hosts: Readonly<Record<string, HostOptions>>;

	constructor(text: string, {hosts = {}, settings = {}}: SketchOptions = {}) {
		super();
		this.settings = settings;
		this.#hosts = hosts;
		this.#links = text.split('\n').map(line => line.trim()).filter(line => line !== '').map(line => line.split('--'));
	}

	override build(): void {
		const handles = new Map<string, NodeHandle>();
		for (const ends of this.#links) {
			const [a, b] = ends.map(end => {
				const [name = '', ip] = end.trim().split(' ');
				const handle = handles.get(name) ?? this.#addNode(name);
				handles.set(name, handle);
				return handle.interface(ip === undefined ? {} : {ip: ip.split(',')});
			});
			if (a && b) {
				this.addLink(a, b);
			}
		}
	}

	#addNode(name: string): NodeHandle {
		switch (kindOf(name)) {
			case 'host':
				return this.addHost(name, this.#hosts[name]);
			case 'switch':
				return this.addSwitch(name);
			case 'bridge':
				return this.addBridge(name);
			case 'router':
				return this.addRouter(name, {perimeter: name.startsWith('fw')});
		}
	}
}

function kindOf(name: string): NodeSpec['kind'] {
	const kinds = {h: 'host', s: 'switch', b: 'bridge', r: 'router', f: 'router'} as const;
	const kind = kinds[name.charAt(0) as keyof typeof kinds] as NodeSpec['kind'] | undefined;
	if (!kind) {
		throw new Error(`A sketch knows no kind of node for "${name}"`);
	}

	return kind;
}
