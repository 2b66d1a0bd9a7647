/** Edge routers that tell each other by BGP, or are told by a controller, which host is where: one subnet, whose hosts come, go and move. */
import {type NodeHandle, type RouteOptions, type StationOptions, Topology} from 'securenet';

/**
The static part is links and tunnels between edge routers; the transient part is who is where.

	         core                      h1 … h6  20.0.0.1/24 … 20.0.0.6/24, each at some edge router, or nowhere
	   ┌──────┼──────┐
	edge1  edge2  edge3               1.0.0.1/24 … (gre: 1.0.1.1/24, 1.0.2.1/24 … and a tunnel for each pair)

Run plainly every host has joined an edge router, and reaches all others. With --steps nobody has, and each step is taken and shown.
*/
export default class BgpControlPlane extends Topology.with({
	control: {type: 'string', default: 'bgp', choices: ['bgp', 'controller'], summary: 'who tells the routers: each other, or one process that programs all of them'},
	peers: {type: 'string', default: 'full-mesh', choices: ['full-mesh', 'route-reflector'], summary: 'BGP sessions: every pair, or everybody with edge1'},
	transport: {type: 'string', default: 'direct', choices: ['direct', 'gre'], summary: 'edge routers on one link, or tunnels over a router that knows nothing of hosts'},
	edges: {type: 'number', default: 3, min: 1, max: 100, summary: 'edge routers'},
	hosts: {type: 'number', default: 6, min: 0, max: 200, summary: 'hosts'},
	steps: {type: 'boolean', default: false, summary: 'begin before the first step'},
}) {
	override readonly settings = {control: this.parameters.control};
	override readonly steps = this.parameters.steps ? [...this.parameters.control === 'bgp' ? ['bgp neighbors edge1'] : [], ...oneByOne] : [];

	override build(): void {
		const {peers, transport, edges, hosts, steps} = this.parameters;
		const routers = numbers(edges).map(n => this.addRouter(`edge${n}`, {
			proxyArp: true,
			bgp: {as: 65_000, neighbors: peers === 'full-mesh' ? 'full-mesh' : n === 1 ? 'route-reflector' : ['edge1']},
			...transport === 'direct' ? {} : {routes: [{to: '1.0.0.0/16', via: `1.0.${n}.254`}, ...peers === 'full-mesh' ? [] : this.#waysPastReflector(n)]},
		}));
		if (transport === 'direct') {
			const core = this.addBridge('core');
			for (const [index, router] of routers.entries()) {
				this.addLink(router.interface({name: 'uplink', ip: `1.0.0.${index + 1}/24`}), core);
			}
		} else {
			this.#addTunnels(routers);
		}

		for (const n of numbers(hosts)) {
			this.addHost(`h${n}`, {ip: `20.0.0.${n}/24`, gateway: 'none', ...steps ? {} : {joins: `edge${((n - 1) % edges) + 1}`}});
		}
	}

	#addTunnels(routers: ReadonlyArray<NodeHandle<StationOptions>>): void {
		const core = this.addRouter('core');
		for (const [index, router] of routers.entries()) {
			this.addLink(router.interface({name: 'uplink', ip: `1.0.${index + 1}.1/24`}), core.interface({ip: `1.0.${index + 1}.254/24`}));
		}

		for (const [index, a] of routers.entries()) {
			for (const [other, b] of [...routers.entries()].slice(index + 1)) {
				const [left, right] = [tunnelAddress(index + 1, other + 1), tunnelAddress(other + 1, index + 1)];
				this.addTunnel(a.interface({ip: `${left}/30`}), b.interface({ip: `${right}/30`}), {via: 'gre'});
			}
		}
	}

	/** What edge1 reflects names the address by which it knows the other router; this one has a tunnel of its own to that. */
	#waysPastReflector(edge: number): RouteOptions[] {
		return numbers(this.parameters.edges)
			.filter(other => edge !== 1 && ![1, edge].includes(other))
			.map(other => ({to: tunnelAddress(other, 1), via: tunnelAddress(other, edge)}));
	}
}

/** Of one edge router in its tunnel to another one. */
function tunnelAddress(edge: number, other: number): string {
	return `10.${Math.min(edge, other)}.${Math.max(edge, other)}.${edge < other ? 1 : 2}`;
}

function numbers(count: number): number[] {
	return Array.from({length: count}, (_, index) => index + 1);
}

/** A host that has joined is reached from everywhere, wherever it moves, until it leaves. */
const oneByOne = [
	'h1 join edge1',
	'bgp routes',
	'h2 join edge2',
	'h1 ping -c 1 h2',
	'h2 join edge3',
	'h1 ping -c 1 h2',
	'bgp routes edge1',
	'h2 leave',
	'- h1 ping -c 1 -W 1 h2',
	'bgp routes',
];
