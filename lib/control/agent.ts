/** The agent of one edge router: keeps the kernel's routes as its control plane wants them, and touches nobody else's. */
import {type LinkWatch, watchLinks, watchRoutes} from '../kernel/monitor.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {type InstalledRoute, type Route, addRoute, deleteRoute, listRoutes, mainTable, routeProtocols} from '../kernel/route.ts';
import {Request, Rtnetlink} from '../kernel/rtnetlink.ts';
import {type Address, type Family, type Prefix, formatAddress, formatPrefix, sameAddress} from '../util/address.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';
import {LocalRoutes} from './local-routes.ts';
import {type Way, wayTo} from './next-hop.ts';

/** Where a prefix is. */
export type Known = {readonly to: Prefix; readonly nextHop: Address};

/** The same; without a next hop it is nowhere. */
export type Learned = {readonly to: Prefix; readonly nextHop?: Address | undefined};

export type AgentListener = {
	/** The kernel may have other routes than before, of these families. */
	readonly changed: (families: ReadonlySet<Family>) => void;
	readonly failed: (error: SecureNetError) => void;
};

/** What a look at the kernel came to, in routes. */
export type Reconciliation = {readonly kept: number; readonly added: number; readonly removed: number};

/** As other implementations prefer routes of one's own AS: after all that somebody gave by hand. */
const metric = 200;

export class Agent {
	readonly #router: {readonly name: string; readonly namespace: Namespace};
	readonly #listener: AgentListener;
	readonly #watches: readonly LinkWatch[];
	readonly #request = new Request();
	/** What shall be elsewhere, by prefix. */
	readonly #far = new Map<string, Known>();
	/** When it was told so last, in milliseconds of `performance.now`, by prefix. */
	readonly #told = new Map<string, number>();
	readonly #local = new LocalRoutes(() => this.#open());
	/** What the kernel has of protocol bgp, as far as we know, by prefix. */
	#installed = new Map<string, Route>();
	/** Routes of others, as of the last look. */
	#others: readonly InstalledRoute[] = [];
	/** Where they lead to, by next hop: few are asked for often. */
	readonly #ways = new Map<string, Way | undefined>();
	/** Prefixes that may not be as they shall. */
	readonly #doubtful = new Set<string>();
	/** Whether the kernel must be asked again: a link changed, and with it what the kernel forgets and which next hops can be reached. */
	#stale = true;
	#scheduled: NodeJS.Immediate | undefined;
	#closed = false;

	/** What an earlier agent installed is adopted by the first `replace`. */
	constructor(router: {readonly name: string; readonly namespace: Namespace}, listener: AgentListener) {
		this.#router = router;
		this.#listener = listener;
		this.#watches = [
			watchLinks(router.namespace, () => {
				this.refresh();
			}),
			// By routes of others next hops are reached; and one may have been in the way.
			watchRoutes(router.namespace, change => {
				if (change.protocol !== routeProtocols.bgp && !this.#local.isOwn(change)) {
					this.refresh();
				}
			}),
		];
	}

	/** All that is elsewhere: what else there is of protocol bgp goes, what is right already stays untouched. At once. @throws KernelError */
	replace(all: readonly Known[]): Reconciliation {
		this.#far.clear();
		this.#told.clear();
		for (const each of all) {
			this.#far.set(formatPrefix(each.to), each);
			this.#told.set(formatPrefix(each.to), performance.now());
		}

		this.#stale = true;
		return this.#reconcile();
	}

	/** From now on these are there, or nowhere. The kernel follows before the next event is handled. */
	learn(changes: readonly Learned[]): void {
		for (const {to, nextHop} of changes) {
			const key = formatPrefix(to);
			if (nextHop) {
				this.#far.set(key, {to, nextHop});
				this.#told.set(key, performance.now());
			} else {
				this.#far.delete(key);
				this.#told.delete(key);
			}

			this.#doubtful.add(key);
		}

		this.#schedule();
	}

	/** A host here, on the link of an interface: a route of protocol static, at once. @throws KernelError and what the listener throws, nothing of it is then there */
	attach(prefixes: readonly Prefix[], index: number): void {
		this.#local.add(prefixes, index);
		try {
			this.#listener.changed(familiesOf(prefixes));
		} catch (error) {
			this.#local.remove(prefixes);
			throw error;
		}
	}

	/** It is here no longer, so others are told whatever comes of it: what fails is told as a failure, and a route that stays is tried again. That its routes are gone is fine: its link may be. */
	detach(prefixes: readonly Prefix[]): void {
		this.#attempt(() => {
			this.#local.remove(prefixes);
		});
		if (prefixes.some(to => this.#local.isStuck(formatPrefix(to)))) {
			this.#schedule();
		}

		this.#attempt(() => {
			this.#listener.changed(familiesOf(prefixes));
		});
	}

	/** Whether packets to it find their way, as far as this router can tell. @param since of what it has been told since then, by `performance.now`: what moved may be elsewhere than it was told before */
	knows(to: Prefix, since = 0): boolean {
		const key = formatPrefix(to);
		return this.#local.has(key) || (this.#installed.has(key) && !this.#doubtful.has(key) && (this.#told.get(key) ?? -1) >= since);
	}

	/** Whether it has forgotten it, and so has the kernel. */
	hasForgotten(to: Prefix): boolean {
		const key = formatPrefix(to);
		return !this.#local.has(key) && !this.#local.isStuck(key) && !this.#installed.has(key);
	}

	/** What is elsewhere, as it shall be. */
	get learned(): readonly Known[] {
		return [...this.#far.values()];
	}

	/** Looks at the kernel's routes again. */
	refresh(): void {
		this.#stale = true;
		this.#schedule();
	}

	/** The routes stay as they are. */
	close(): void {
		this.#closed = true;
		for (const watch of this.#watches) {
			watch.close();
		}

		clearImmediate(this.#scheduled);
	}

	#schedule(): void {
		if (this.#closed || this.#scheduled) {
			return;
		}

		this.#scheduled = setImmediate(() => {
			this.#scheduled = undefined;
			this.#attempt(() => {
				this.#reconcile();
			});
		});
	}

	/** Who asked for it has gone on. */
	#attempt(work: () => void): void {
		try {
			work();
		} catch (error) {
			this.#stale = true;
			this.#listener.failed(error instanceof SecureNetError ? error : new SecureNetError('routes', `Routes of ${this.#router.name}: ${messageOf(error)}`, {}, {cause: error}));
		}
	}

	#reconcile(): Reconciliation {
		using rtnetlink = this.#open();
		// A next hop that nothing led to when we looked last may be reached by now.
		if (this.#stale || [...this.#doubtful].some(key => this.#far.has(key) && !this.#wanted(key))) {
			this.#look(rtnetlink);
		}

		const counts = {kept: 0, added: 0, removed: 0};
		const keys = [...this.#doubtful];
		for (const key of keys) {
			counts[this.#setRight(key, rtnetlink)]++;
		}

		this.#doubtful.clear();
		// Somebody's own route to the prefix is in the way, a link went down meanwhile: what was so at this moment need not stay so.
		if (!rtnetlink.flushExcept('EEXIST', 'ENETUNREACH', 'ENETDOWN', 'ENODEV', 'ESRCH', 'EHOSTUNREACH')) {
			this.#read();
			for (const key of keys.filter(each => !isRight(this.#installed.get(each), this.#wanted(each)))) {
				this.#doubtful.add(key);
			}
		}

		this.#listener.changed(new Set(keys.map(key => key.includes(':') ? 6 : 4)));
		return counts;
	}

	#read(): void {
		const routes = listRoutes(this.#router.namespace);
		const isOurs = (route: InstalledRoute) => route.protocol === routeProtocols.bgp && route.table === mainTable && route.metric === metric;
		this.#installed = new Map(routes.filter(isOurs).map(route => [formatPrefix(route.to), route]));
		this.#others = routes.filter(route => !isOurs(route));
		this.#ways.clear();
	}

	#look(rtnetlink: Rtnetlink): void {
		this.#read();
		for (const key of [...this.#far.keys(), ...this.#installed.keys()]) {
			this.#doubtful.add(key);
		}

		this.#local.restore(rtnetlink, this.#others);
		this.#stale = false;
	}

	#setRight(key: string, rtnetlink: Rtnetlink): keyof Reconciliation {
		const installed = this.#installed.get(key);
		const wanted = this.#wanted(key);
		if (isRight(installed, wanted)) {
			return 'kept';
		}

		if (wanted) {
			// Only what is ours is replaced; a new route finds its place free or stays away.
			addRoute(rtnetlink, wanted, {replace: installed !== undefined});
			this.#installed.set(key, wanted);
			return 'added';
		}

		if (installed) {
			deleteRoute(rtnetlink, installed);
			this.#installed.delete(key);
		}

		return 'removed';
	}

	#wanted(key: string): (Route & Way) | undefined {
		const far = this.#far.get(key);
		const way = far && this.#wayTo(far.nextHop);
		return far && way && {to: far.to, ...way, metric, protocol: routeProtocols.bgp};
	}

	#wayTo(nextHop: Address): Way | undefined {
		const key = formatAddress(nextHop);
		const way = this.#ways.has(key) ? this.#ways.get(key) : wayTo(nextHop, this.#others);
		this.#ways.set(key, way);
		return way;
	}

	#open(): Rtnetlink {
		return new Rtnetlink(this.#router.namespace, this.#request);
	}
}

function familiesOf(prefixes: readonly Prefix[]): ReadonlySet<Family> {
	return new Set(prefixes.map(({family}) => family));
}

function isRight(installed: Route | undefined, wanted: (Route & Way) | undefined): boolean {
	return installed && wanted ? isSameWay(installed, wanted) : installed === wanted;
}

function isSameWay(a: Route, b: Way): boolean {
	return a.interface === b.interface && a.via !== undefined && sameAddress(a.via, b.via);
}
