/** Networks of edge routers for tests: each pair of routers has a link, and hosts wait to join. */
import type {ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {BgpOptions, ControlKind, RouterOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {longPatience} from './patience.ts';
import {sketch} from './sketch.ts';

export type MeshOptions = {
	readonly control?: ControlKind;
	/** Number of edge routers, edge1 … */
	readonly edges?: number;
	/** Number of hosts, h1 … with 10.0.0.1/16 and, with `ipv6`, fd10::1/64 …; h1 to hN at edge1 to edgeN from the start, the others nowhere. */
	readonly hosts?: number;
	readonly joined?: number;
	readonly ipv6?: boolean;
	readonly bgp?: (router: number) => BgpOptions;
	readonly router?: RouterOptions;
	/** What else there is. */
	readonly more?: (topology: Topology) => void;
};

/** A full mesh: link i-j has 172.16.X.0/30 and fd16:X::/126. */
export function mesh({control = 'bgp', edges = 3, hosts = 4, joined = 0, ipv6 = false, bgp = () => ({as: 65_000}), router = {}, more = () => undefined}: MeshOptions): Topology {
	return sketch(t => {
		const routers = Array.from({length: edges}, (_, index) => t.addRouter(`edge${index + 1}`, {proxyArp: true, proxyNdp: ipv6, ...router, bgp: bgp(index + 1)}));
		const ip = (net: number, end: number) => [`172.16.${net}.${end}/30`, ...ipv6 ? [`fd16:${net}::${end}/126`] : []];
		for (const [i, a] of routers.entries()) {
			for (const [j, b] of [...routers.entries()].slice(i + 1)) {
				t.addLink(a.interface({ip: ip((i * 16) + j, 1)}), b.interface({ip: ip((i * 16) + j, 2)}));
			}
		}

		for (let number = 1; number <= hosts; number++) {
			t.addHost(`h${number}`, {
				ip: [`10.0.${number >> 8}.${number & 255}/16`, ...ipv6 ? [`fd10::${number.toString(16)}/64`] : []],
				gateway: 'none',
				...number <= joined ? {joins: `edge${((number - 1) % edges) + 1}`} : {},
			});
		}

		more(t);
	}, {control});
}

/** Asks at every event that can change the answer, until it is yes. */
export async function until(t: ExecutionContext, lab: Lab, isSo: () => boolean, what: string): Promise<void> {
	const {edges} = lab.control;
	await new Promise<void>((resolve, reject) => {
		const timer = setTimeout(() => {
			edges.off('routes', look);
			reject(new Error(`${what}: not within ${longPatience / 1000} s`));
		}, longPatience);
		function look() {
			if (isSo()) {
				clearTimeout(timer);
				edges.off('routes', look);
				resolve();
			}
		}

		edges.on('routes', look);
		look();
	});
	t.pass();
}

/** Kernel routes of protocol bgp at a router, as `10.0.0.5 172.16.1.2`, sorted. */
export async function bgpRoutes(lab: Lab, router: string): Promise<string[]> {
	const [line] = await lab.run(`bgp routes ${router} --json`);
	const [list] = line?.result as ReadonlyArray<{routes: ReadonlyArray<{to: string; via: string}>}>;
	return (list?.routes ?? []).map(({to, via}) => `${to} ${via}`).sort();
}
