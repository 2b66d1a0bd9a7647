/** What routers are to announce and withdraw in one go: of each prefix only the last that happened to it at a router. Pure. */
import {type Prefix, formatPrefix} from '../util/address.ts';

export type Deed = 'announce' | 'withdraw';

export class Batch {
	/** By router, and by prefix. */
	readonly #deeds = new Map<string, Map<string, {readonly deed: Deed; readonly to: Prefix}>>();

	get isEmpty(): boolean {
		return this.#deeds.size === 0;
	}

	put(deed: Deed, router: string, prefixes: readonly Prefix[]): void {
		const deeds = this.#deeds.get(router) ?? new Map<string, {deed: Deed; to: Prefix}>();
		this.#deeds.set(router, deeds);
		for (const to of prefixes) {
			deeds.set(formatPrefix(to), {deed, to});
		}
	}

	/** Routers that are to do it, each with its prefixes. */
	of(deed: Deed): Array<readonly [router: string, prefixes: readonly Prefix[]]> {
		const all = [...this.#deeds].map(([router, deeds]) => [router, [...deeds.values()].filter(each => each.deed === deed).map(({to}) => to)] as const);
		return all.filter(([, prefixes]) => prefixes.length > 0);
	}
}
