/** One subnet over four sites for tests: hosts on a switch behind an edge router that answers for those of the other sites, tunnels between some, a perimeter firewall between others. */
import type {RouteOptions, RouterOptions, TunnelOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {sketch} from './sketch.ts';

/** Where the hosts are, and where each router sends what is for another place. Place 5 is the other network. */
const hosts: Readonly<Record<number, readonly number[]>> = {1: [1, 2], 2: [1, 2], 3: [1], 4: [1], 5: [1, 2]};
const places = [1, 2, 3, 4, 5] as const;
type Place = (typeof places)[number];

/** Both families, from what they have in common. */
const both = (four: string, six: string): string[] => [four, six];

const net = {
	host: (place: number, n: number) => place === 5 ? both(`30.0.0.${n}`, `fd30::${n}`) : both(`20.0.0.${place}${n}`, `fd20::${place}${n}`),
	/** Transfer network of a tunnel or of a link to the firewall. */
	transfer: (number: number, end: 1 | 2) => both(`10.9.${number}.${end}`, `fd09:${number}::${end}`),
};

function withLengths([four, six]: readonly string[], length4: number, length6: number): string[] {
	return [`${four}/${length4}`, `${six}/${length6}`];
}

/** Routes to single hosts of other places, by the transfer network that leads there. */
function routesTo(ways: Partial<Record<Place, readonly string[]>>): RouteOptions[] {
	return places.flatMap(place => (hosts[place] ?? []).flatMap(n => (ways[place] ?? []).map((via, family) => ({to: net.host(place, n)[family] as string, via}))));
}

/** Whoever is on the router's LAN is routed there. */
function ownRoutes(place: number, lan: string): RouteOptions[] {
	return (hosts[place] ?? []).flatMap(n => net.host(place, n).map(to => ({to, interface: lan})));
}

/**
All hosts are of 20.0.0.0/24 and fd20::/64, but for w1 and w2, which are of 30.0.0.0/24 and fd30::/64.

	h11 h12 - s1 - edge1 ===tunnel 1=== edge2 ===tunnel 2=== edge3 - s3 - h31
	                 |                    |
	                 |                   s2 - h21 h22
	                 3
	                 fw (perimeter) --4-- edge4 - s4 - h41
	                 |
	                s5 - w1 w2

Beneath the tunnels lies core, which knows nothing of all that.
*/
export function sites(tunnels: readonly [TunnelOptions, TunnelOptions], more: (topology: Topology) => void = () => undefined): Topology {
	const [t1, t2, t3, t4] = [ends(1), ends(2), ends(3), ends(4)];
	const ways: Readonly<Record<1 | 2 | 3 | 4, Partial<Record<Place, readonly string[]>>>> = {
		1: {2: t1[1], 3: t1[1], 4: t3[1], 5: t3[1]},
		2: {1: t1[0], 3: t2[1], 4: t1[0], 5: t1[0]},
		3: {1: t2[0], 2: t2[0], 4: t2[0], 5: t2[0]},
		4: {1: t4[0], 2: t4[0], 3: t4[0], 5: t4[0]},
	};
	return sketch(t => {
		const answering: RouterOptions = {proxyArp: true, proxyNdp: true};
		const core = t.addRouter('core');
		const edges = ([1, 2, 3, 4] as const).map(site => {
			const underlay = site === 4 ? [{to: '10.9.3.0/30', via: '10.9.4.1'}] : [{to: '1.0.0.0/16', via: `1.0.${site}.254`}, ...site === 1 ? [{to: '10.9.4.0/30', via: '10.9.3.2'}] : []];
			const edge = t.addRouter(`edge${site}`, {...answering, routes: [...underlay, ...ownRoutes(site, 'lan'), ...routesTo(ways[site])]});
			const access = t.addSwitch(`s${site}`);
			t.addLink(edge.interface({name: 'lan', ip: []}), access);
			for (const n of hosts[site] ?? []) {
				t.addLink(t.addHost(`h${site}${n}`, {ip: withLengths(net.host(site, n), 24, 64), gateway: 'none', routes: ['30.0.0.0/24', 'fd30::/64'].map(to => ({to, interface: `h${site}${n}-eth0`}))}), access);
			}

			if (site !== 4) {
				t.addLink(edge.interface({name: 'wan', ip: `1.0.${site}.1/24`}), core.interface({ip: `1.0.${site}.254/24`}));
			}

			return edge;
		}) as [Router, Router, Router, Router];
		const fw = t.addRouter('fw', {perimeter: true, routes: routesTo({1: t3[0], 2: t3[0], 3: t3[0], 4: t4[1]})});
		const [edge1, edge2, edge3, edge4] = edges;
		t.addLink(edge1.interface({name: 'fw', ip: withLengths(t3[0], 30, 126)}), fw.interface({ip: withLengths(t3[1], 30, 126)}));
		t.addLink(fw.interface({ip: withLengths(t4[0], 30, 126)}), edge4.interface({name: 'fw', ip: withLengths(t4[1], 30, 126)}));
		const s5 = t.addSwitch('s5');
		t.addLink(fw.interface({ip: ['30.0.0.254/24', 'fd30::fe/64']}), s5);
		for (const n of hosts[5] ?? []) {
			t.addLink(t.addHost(`w${n}`, {ip: withLengths(net.host(5, n), 24, 64), gateway: both('30.0.0.254', 'fd30::fe')}), s5);
		}

		t.addTunnel(edge1.interface({ip: withLengths(t1[0], 30, 126), endpoint: '1.0.1.1'}), edge2.interface({ip: withLengths(t1[1], 30, 126), endpoint: '1.0.2.1'}), tunnels[0]);
		t.addTunnel(edge2.interface({ip: withLengths(t2[0], 30, 126), endpoint: '1.0.2.1'}), edge3.interface({ip: withLengths(t2[1], 30, 126), endpoint: '1.0.3.1'}), tunnels[1]);
		more(t);
	});
}

type Ends = readonly [readonly string[], readonly string[]];
type Router = ReturnType<Topology['addRouter']>;

function ends(number: number): Ends {
	return [net.transfer(number, 1), net.transfer(number, 2)];
}
