/** `bgp neighbors|rib|routes [ROUTER]`: the sessions of edge routers, the paths that they know, and what of it the kernel got. */
import {listRoutes, routeProtocols} from '../kernel/route.ts';
import type {Lab} from '../lab.ts';
import type {NeighborState} from '../services/gobgp-neighbor.ts';
import type {BgpPath} from '../services/gobgp-path.ts';
import {compareAddresses, formatAddress, formatPrefix} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import {sortNames, unknownName} from '../util/names.ts';
import type {Command} from './command.ts';
import {edgeNames, takeNode} from './reading.ts';

/** By router, in natural order. */
export type BgpNeighborsResult = ReadonlyArray<{readonly router: string; readonly neighbors: ReadonlyArray<Omit<NeighborState, 'address'> & {
	/** Name of the router that has the address. */
	readonly node: string;
	readonly address: string;
}>}>;

export type BgpRibResult = ReadonlyArray<{readonly router: string; readonly paths: ReadonlyArray<{
	readonly to: string;
	/** Absent for what the router announces itself. */
	readonly via?: string;
	readonly from?: string;
	readonly asPath: readonly number[];
	readonly localPreference?: number;
	readonly originator?: string;
	readonly best: boolean;
}>}>;

/** Kernel routes of protocol bgp. */
export type BgpRoutesResult = ReadonlyArray<{readonly router: string; readonly routes: ReadonlyArray<{readonly to: string; readonly via: string; readonly interface: string}>}>;

export const bgpNeighborsCommand = listing<BgpNeighborsResult>({
	name: 'bgp neighbors',
	summary: 'the BGP sessions of edge routers, or of one',
	details: 'Each line: the neighbor, its AS, the state of the session, the hold time agreed in seconds, prefixes received and told.',
	async of(lab, router) {
		const names = ownersOf(lab);
		const neighbors = await lab.control.plane.neighbors(router);
		return {router, neighbors: neighbors.toSorted((a, b) => compareAddresses(a.address, b.address)).map(each => {
			const address = formatAddress(each.address);
			return {node: names.get(address) ?? '', ...each, address};
		})};
	},
	text: lists => byRouter(lists, ({neighbors}) => neighbors.map(({node, address, as, state, holdTime, received, advertised}) => [
		node, address, `as ${as}`, state, holdTime === undefined ? '' : `hold ${holdTime}`, `received ${received}`, `told ${advertised}`,
	])),
});

export const bgpRibCommand = listing<BgpRibResult>({
	name: 'bgp rib',
	summary: 'all paths that edge routers know, or that one knows; * marks the best to each prefix',
	async of(lab, router) {
		const paths = await lab.control.plane.rib(router);
		return {router, paths: paths.toSorted((a, b) => compareAddresses(a.to, b.to) || a.to.length - b.to.length || Number(b.best) - Number(a.best)).map(describePath)};
	},
	text: lists => byRouter(lists, ({paths}) => paths.map(({best, to, via, from, asPath, localPreference}) => [
		`${best ? '*' : ' '} ${to}`,
		via === undefined ? 'here' : `via ${via}`,
		[...from === undefined ? [] : [`from ${from}`], ...asPath.length > 0 ? [`as ${asPath.join(' ')}`] : [], ...localPreference === undefined ? [] : [`preference ${localPreference}`]].join('  '),
	])),
});

export const bgpRoutesCommand = listing<BgpRoutesResult>({
	name: 'bgp routes',
	summary: 'the kernel routes that edge routers, or one, got from the control plane',
	async of({network}, router) {
		const {namespace, interfaces} = network.node(router);
		const routes = listRoutes(namespace, {protocol: routeProtocols.bgp}).toSorted((a, b) => compareAddresses(a.to, b.to));
		return Promise.resolve({router, routes: routes.map(({to, via, interface: index}) => ({
			to: formatPrefix(to), via: via ? formatAddress(via) : '', interface: interfaces.find(each => each.index === index)?.name ?? '',
		}))});
	},
	text: lists => byRouter(lists, ({routes}) => routes.map(({to, via, interface: name}) => [to, `via ${via}`, `dev ${name}`])),
});

type Listing<Result extends ReadonlyArray<{readonly router: string}>> = Pick<Command<unknown, Result>, 'name' | 'summary' | 'details' | 'text'> & {
	readonly of: (lab: Lab, router: string) => Promise<Result[number]>;
};

function listing<Result extends ReadonlyArray<{readonly router: string}>>({of, ...rest}: Listing<Result>): Command<string | undefined, Result> {
	return {
		...rest,
		usage: `${rest.name} [ROUTER]`,
		read(reader, scene) {
			const router = reader.more(() => edgeNames(scene)) ? takeNode(reader, scene, 'router') : undefined;
			reader.finish();
			return router;
		},
		async run(lab, router) {
			const {agents} = lab.control.edges;
			if (router !== undefined && !agents.has(router)) {
				throw unknownName('edge router', router, agents.keys());
			}

			return await Promise.all((router === undefined ? sortNames(agents.keys()) : [router]).map(async name => of(lab, name))) as unknown as Result;
		},
	};
}

function describePath({to, nextHop, neighbor, asPath, localPreference, originator, best}: BgpPath): BgpRibResult[number]['paths'][number] {
	return {
		to: formatPrefix(to),
		...nextHop.value === 0n ? {} : {via: formatAddress(nextHop)},
		...neighbor ? {from: formatAddress(neighbor)} : {},
		asPath,
		...localPreference === undefined ? {} : {localPreference},
		...originator === undefined ? {} : {originator},
		best,
	};
}

/** Address to name of its node. */
function ownersOf({network}: Lab): ReadonlyMap<string, string> {
	return new Map([...network.nodes.values()].flatMap(({name, interfaces}) => interfaces.flatMap(({addresses}) => addresses.map(({address}) => [formatAddress(address), name] as const))));
}

function byRouter<Item extends {readonly router: string}>(lists: readonly Item[], rowsOf: (item: Item) => ReadonlyArray<readonly string[]>): string {
	return lists.map(list => {
		const rows = rowsOf(list);
		return rows.length === 0 ? `${list.router}: none` : `${list.router}:\n${columns(rows.map(([first = '', ...rest]) => [`  ${first}`, ...rest]))}`;
	}).join('\n');
}
