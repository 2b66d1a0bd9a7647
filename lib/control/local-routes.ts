/** The routes to the hosts at one edge router: of protocol static, there as long as the hosts are, whatever the kernel forgets meanwhile. */
import type {RouteChange} from '../kernel/monitor.ts';
import {type InstalledRoute, addRoute, deleteRoute, routeProtocols} from '../kernel/route.ts';
import type {Rtnetlink} from '../kernel/rtnetlink.ts';
import {type Prefix, formatPrefix} from '../util/address.ts';

type Local = {readonly to: Prefix; /** Index. */ readonly interface: number};

export class LocalRoutes {
	readonly #open: () => Rtnetlink;
	/** By prefix. */
	readonly #routes = new Map<string, Local>();
	/** Those that were to be taken away, and may be there all the same: the kernel refused. By prefix. */
	readonly #stuck = new Map<string, Local>();
	/** Those taken away of which the kernel has not told yet, by `keyOf`. */
	readonly #going = new Set<string>();

	constructor(open: () => Rtnetlink) {
		this.#open = open;
	}

	/** @param key the prefix as text */
	has(key: string): boolean {
		return this.#routes.has(key);
	}

	/** Whether the kernel may have it although it was taken away. @param key the prefix as text */
	isStuck(key: string): boolean {
		return this.#stuck.has(key);
	}

	/** On the link of an interface, at once. @throws KernelError, none of them is then there */
	add(prefixes: readonly Prefix[], index: number): void {
		using rtnetlink = this.#open();
		const locals = prefixes.map(to => ({to, interface: index}));
		for (const local of locals) {
			addRoute(rtnetlink, local, {replace: true});
		}

		try {
			rtnetlink.flush();
		} catch (error) {
			deleteAll(rtnetlink, locals);
			throw error;
		}

		for (const local of locals) {
			this.#routes.set(formatPrefix(local.to), local);
			this.#stuck.delete(formatPrefix(local.to));
		}
	}

	/** At once. That they are no longer there is fine: their link may be gone. @throws KernelError, they are not restored even then: `restore` tries again */
	remove(prefixes: readonly Prefix[]): void {
		const locals = prefixes.flatMap(to => this.#routes.get(formatPrefix(to)) ?? []);
		for (const local of locals) {
			this.#routes.delete(formatPrefix(local.to));
			this.#stuck.set(formatPrefix(local.to), local);
		}

		using rtnetlink = this.#open();
		const wereThere = deleteAll(rtnetlink, locals);
		for (const local of locals) {
			this.#stuck.delete(formatPrefix(local.to));
			// Of what was not there the kernel tells nothing.
			if (wereThere) {
				this.#going.add(keyOf(local));
			}
		}
	}

	/** Queues those that the kernel has not, and the end of those that it has although they were taken away. @param installed what it has */
	restore(rtnetlink: Rtnetlink, installed: readonly InstalledRoute[]): void {
		const there = new Set(installed.map(keyOf));
		for (const [key, local] of this.#stuck) {
			if (there.has(keyOf(local))) {
				deleteLocal(rtnetlink, local);
			} else {
				this.#stuck.delete(key);
			}
		}

		for (const local of this.#routes.values()) {
			if (!there.has(keyOf(local))) {
				addRoute(rtnetlink, local);
			}
		}
	}

	/** Whether what the kernel tells is but what was done here: a look at all its routes, which are as many as hosts, would find nothing new. */
	isOwn({change, protocol, read}: RouteChange): boolean {
		const route = protocol === routeProtocols.static ? read() : undefined;
		if (!route || route.via) {
			return false;
		}

		return change === 'removed' ? this.#going.delete(keyOf(route)) : this.#routes.get(formatPrefix(route.to))?.interface === route.interface;
	}
}

function keyOf({to, interface: index}: Pick<InstalledRoute, 'to' | 'interface'>): string {
	return `${formatPrefix(to)} ${index ?? ''}`;
}

/** What is no longer there is fine. Returns whether all of them were. */
function deleteAll(rtnetlink: Rtnetlink, locals: readonly Local[]): boolean {
	for (const local of locals) {
		deleteLocal(rtnetlink, local);
	}

	return rtnetlink.flushExcept('ESRCH', 'ENODEV');
}

function deleteLocal(rtnetlink: Rtnetlink, local: Local): void {
	deleteRoute(rtnetlink, {...local, protocol: routeProtocols.static});
}
