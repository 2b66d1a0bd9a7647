/** One subnet on both sides of a network: two routers stand in for a switch that reaches from one to the other. */
import {type RouteOptions, Topology} from 'securenet';

/**
All four nodes take each other for neighbors on one wire. Nothing is configured on them but their addresses: no gateway, no route, no neighbor.

	node_1 ── vr_if1                                                    vr_if1 ── node_3
	20.0.0.1          vrouter1 eth1 ── 1.0.0.0/24 ── eth1 vrouter2                20.0.0.3
	node_2 ── vr_if2           1.0.0.1              1.0.0.2             vr_if2 ── node_4
	20.0.0.2                                                                      20.0.0.4

With --hops N so many routers stand between the two, which know nothing of 20.0.0.0/24; eth1 of vrouter2 is then 1.0.N.2. Over a tunnel that
makes no difference to anybody else.

Run plainly it works, but for --transport direct with hops. With --steps both routers are bare, and each step is taken and shown; virtual-l2.demo tells more.
*/
export default class VirtualL2 extends Topology.with({
	transport: {type: 'string', default: 'direct', choices: ['direct', 'gre', 'ssh', 'vxlan'], summary: 'what carries packets from one router to the other'},
	hops: {type: 'number', default: 0, min: 0, max: 60, summary: 'routers between the two'},
	steps: {type: 'boolean', default: false, summary: 'begin before the first step'},
}) {
	override readonly steps = this.parameters.steps ? this.#oneByOne() : [];

	override build(): void {
		const {transport, hops} = this.parameters;
		const isDirect = transport === 'direct';
		const vrouter1 = this.#addSite('vrouter1', [1, 2], [3, 4], isDirect ? rightOf(0, hops) : '10.0.0.2', fabricRoutes(hops, {right: 0}));
		const vrouter2 = this.#addSite('vrouter2', [3, 4], [1, 2], isDirect ? leftOf(hops) : '10.0.0.1', fabricRoutes(hops, {left: hops}));
		let last = vrouter1.interface({name: 'eth1', ip: '1.0.0.1/24'});
		for (let hop = 1; hop <= hops; hop++) {
			const router = this.addRouter(`hop${hop}`, {routes: fabricRoutes(hops, {left: hop - 1, right: hop})});
			this.addLink(last, router.interface({ip: `${rightOf(hop - 1, hops)}/24`}));
			last = router.interface({ip: `${leftOf(hop)}/24`});
		}

		this.addLink(last, vrouter2.interface({name: 'eth1', ip: `${rightOf(hops, hops)}/24`}));
		if (!isDirect) {
			this.addTunnel(vrouter1.interface({ip: '10.0.0.1/30'}), vrouter2.interface({ip: '10.0.0.2/30'}), {via: transport});
		}
	}

	/** First the sites, then what joins them: a node of each, for which the first route is not enough, then the others. */
	#oneByOne(): string[] {
		const {transport, hops} = this.parameters;
		const [toRight, toLeft] = transport === 'direct' ? [rightOf(0, hops), leftOf(hops)] : ['10.0.0.2', '10.0.0.1'];
		const works = transport !== 'direct' || hops === 0;
		return [
			'- node_1 ping -c 1 node_2',
			...['vrouter1', 'vrouter2'].flatMap(router => [`${router} set forward on`, `${router} set proxyArp on`]),
			...[['vrouter1', 1, 2], ['vrouter2', 3, 4]].flatMap(([router, one, other]) => [`${router} route add 20.0.0.${one} dev vr_if1`, `${router} route add 20.0.0.${other} dev vr_if2`]),
			'node_1 ping -c 1 node_2',
			`vrouter1 route add 20.0.0.3 via ${toRight}`,
			'- node_1 ping -c 1 -W 1 node_3',
			`vrouter2 route add 20.0.0.1 via ${toLeft}`,
			// node_3 still asks for the way back once in a second: what works waits as long as ping does by itself.
			...works
				? ['node_1 ping -c 1 node_3', `vrouter1 route add 20.0.0.4 via ${toRight}`, `vrouter2 route add 20.0.0.2 via ${toLeft}`, 'pingall']
				: ['- node_1 ping -c 1 -W 1 node_3'],
		];
	}

	/** A router and its nodes, on interfaces without addresses; it answers for those of the other site, and has a route to each node. */
	#addSite(name: string, nodes: readonly number[], others: readonly number[], via: string, fabric: readonly RouteOptions[]) {
		const own = nodes.map((node, index) => ({to: `20.0.0.${node}`, interface: `vr_if${index + 1}`}));
		const router = this.addRouter(name, this.parameters.steps
			? {forwarding: false, routes: fabric}
			: {proxyArp: true, routes: [...fabric, ...own, ...others.map(node => ({to: `20.0.0.${node}`, via}))]});
		for (const [index, node] of nodes.entries()) {
			this.addLink(this.addHost(`node_${node}`, {ip: `20.0.0.${node}/24`, gateway: 'none'}), router.interface({name: `vr_if${index + 1}`, ip: []}));
		}

		return router;
	}
}

/** In network N of the fabric, the router on its left. */
function leftOf(network: number): string {
	return `1.0.${network}.1`;
}

/** In network N of the fabric, the router on its right. */
function rightOf(network: number, hops: number): string {
	return `1.0.${network}.${network === hops ? 2 : 254}`;
}

/** To the networks of the fabric beyond those that a router has on its left and on its right. */
function fabricRoutes(hops: number, {left = 0, right = hops}: {left?: number; right?: number}): RouteOptions[] {
	return Array.from({length: hops + 1}, (_, network) => network).flatMap(network => {
		const via = network < left ? leftOf(left) : network > right ? rightOf(right, hops) : undefined;
		return via === undefined ? [] : [{to: `1.0.${network}.0/24`, via}];
	});
}
