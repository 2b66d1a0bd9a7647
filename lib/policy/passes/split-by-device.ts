/** Pass 4: gives each device the rules of which some pair of hosts can cross it. In doubt a device gets the rule: one too many changes no verdict. */
import type {FilterRule} from '../filter-rule.ts';
import type {DeviceEntry} from '../inventory.ts';
import type {Draft} from './draft.ts';
import {remember} from './memo.ts';
import {placesOf} from './places.ts';
import type {Place} from './places.ts';

/** How a place lies around a device. */
export type Spread =
	/** No host of it has a way to the device. */
	| {readonly kind: 'none'}
	/** All in one part; `only` is the host when there is just one. */
	| {readonly kind: 'part'; readonly part: number; readonly only: string | undefined}
	| {readonly kind: 'many'};

export function splitByDevice(draft: Draft): Draft {
	const placeOf = placesOf(draft);
	const placed = draft.rules.map(rule => ({rule, from: placeOf(rule.from), to: placeOf(rule.to)}));
	const rulesOf = new Map<string, FilterRule[]>();
	for (const device of draft.inventory.devices.values()) {
		const spreads = remember(draft.memo.spreads, device, () => new WeakMap<Place, Spread>());
		const spreadOf = (place: Place): Spread => remember(spreads, place, () => spreadAround(device, place));
		rulesOf.set(device.name, placed.filter(({from, to}) => canCross(spreadOf(from), spreadOf(to))).map(({rule}) => rule));
	}

	return {...draft, rulesOf};
}

/** Whether some packet from one place to the other can cross the device they are spread around. */
function canCross(from: Spread, to: Spread): boolean {
	if (from.kind === 'none' || to.kind === 'none') {
		return false;
	}

	if (from.kind === 'many' || to.kind === 'many' || from.part !== to.part) {
		return true;
	}

	const isOneHost = from.only !== undefined && from.only === to.only;
	return from.part < 0 && !isOneHost;
}

function spreadAround({partOf}: DeviceEntry, {hosts}: Place): Spread {
	if (!hosts) {
		return {kind: 'many'};
	}

	const near = hosts.filter(host => partOf.has(host));
	const part = partOf.get(near[0] ?? '');
	if (part === undefined) {
		return {kind: 'none'};
	}

	return near.every(host => partOf.get(host) === part) ? {kind: 'part', part, only: near.length === 1 ? near[0] : undefined} : {kind: 'many'};
}
