/** Three sites of one subnet whose hosts may move, for tests: a tunnel joins two of them, the third is behind a perimeter firewall. */
import type {ControlKind, RouterOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {sketch} from './sketch.ts';

/**
Hosts h1 to h5 of 20.0.0.0/24 and fd20::/64 join the edges, h1 and h2 the first one. Whoever moves keeps its address.

	h1 h2 - s1 - edge1 ===gre=== edge2 - s2 - h3 h4
	               |
	              fw (perimeter)
	               |
	        s3 - edge3
	        |
	        h5

Beneath the tunnel lies core, which knows nothing of all that; fw hears where hosts are as the edges do.
*/
export function roaming(control: ControlKind): Topology {
	return sketch(t => {
		const bgp = {as: 65_000};
		const edge = (site: number, options: RouterOptions) => {
			const router = t.addRouter(`edge${site}`, {proxyArp: true, proxyNdp: true, bgp, ...options});
			t.addLink(router.interface({name: 'lan', ip: []}), t.addSwitch(`s${site}`));
			return router;
		};

		const edge1 = edge(1, {routes: both('10.9.3.0/30', 'fd09:3::/126', '10.9.2.2', 'fd09:2::2').concat({to: '1.0.2.0/24', via: '1.0.1.254'})});
		const edge2 = edge(2, {routes: both('10.9.0.0/16', 'fd09::/16', '10.9.1.1', 'fd09:1::1').concat({to: '1.0.1.0/24', via: '1.0.2.254'})});
		const edge3 = edge(3, {routes: both('10.9.0.0/16', 'fd09::/16', '10.9.3.1', 'fd09:3::1').concat({to: '1.0.2.0/24', via: '10.9.3.1'})});
		const fw = t.addRouter('fw', {perimeter: true, bgp, routes: both('10.9.1.0/30', 'fd09:1::/126', '10.9.2.1', 'fd09:2::1').concat({to: '1.0.2.0/24', via: '10.9.2.1'})});
		const core = t.addRouter('core');
		t.addTunnel(edge1.interface({ip: ['10.9.1.1/30', 'fd09:1::1/126'], endpoint: '1.0.1.1'}), edge2.interface({ip: ['10.9.1.2/30', 'fd09:1::2/126'], endpoint: '1.0.2.1'}), {via: 'gre'});
		t.addLink(edge1.interface({ip: ['10.9.2.1/30', 'fd09:2::1/126']}), fw.interface({ip: ['10.9.2.2/30', 'fd09:2::2/126']}));
		t.addLink(fw.interface({ip: ['10.9.3.1/30', 'fd09:3::1/126']}), edge3.interface({ip: ['10.9.3.2/30', 'fd09:3::2/126']}));
		for (const [index, router] of [edge1, edge2].entries()) {
			t.addLink(router.interface({name: 'wan', ip: `1.0.${index + 1}.1/24`}), core.interface({ip: `1.0.${index + 1}.254/24`}));
		}

		for (const [index, site] of [1, 1, 2, 2, 3].entries()) {
			t.addHost(`h${index + 1}`, {ip: [`20.0.0.${index + 1}/24`, `fd20::${index + 1}/64`], gateway: 'none', joins: `edge${site}`});
		}
	}, {control});
}

function both(to4: string, to6: string, via4: string, via6: string) {
	return [{to: to4, via: via4}, {to: to6, via: via6}];
}
