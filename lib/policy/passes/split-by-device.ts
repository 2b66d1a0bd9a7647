/** Pass 5: gives each device the rules of which some pair of hosts can cross it, and leaves out those that no device needs. In doubt a device gets the rule: one too many changes no verdict. */
import type {FilterRule} from '../filter-rule.ts';
import type {DeviceEntry} from '../inventory.ts';
import type {Draft} from './draft.ts';
import {remember, rememberList} from './memo.ts';
import type {Memo} from './memo.ts';
import {perRule} from './per-rule.ts';
import {placesOf} from './places.ts';
import type {Place} from './places.ts';

/** How a place lies around a device. */
export type Spread =
	/** No host of it has a way to the device. */
	| {readonly kind: 'none'}
	/** All in one part; `only` is the host when there is just one. */
	| {readonly kind: 'part'; readonly part: number; readonly only: string | undefined}
	| {readonly kind: 'many'};

const nowhere: Spread = {kind: 'none'};

export function splitByDevice(draft: Draft): Draft {
	const {inventory, memo} = draft;
	const devices = [...inventory.devices.values()];
	const placeOf = placesOf(draft);
	const rulesOf = devices.map((): FilterRule[] => []);
	const needed = perRule(memo.devices, draft, ({from, to}) => devicesBetween(placeOf(from), placeOf(to), devices, memo));
	const rules = draft.rules.filter((rule, place) => {
		const indexes = needed[place] ?? [];
		for (const index of indexes) {
			rulesOf[index]?.push(rule);
		}

		return indexes.length > 0;
	});
	return {...draft, rules, rulesOf: new Map(devices.map((device, index) => [device.name, rememberList(memo.rulesOf, device, rulesOf[index] ?? [])]))};
}

/** Indexes of the devices that packets from one place to the other can cross. Rules with unchanged sides are not spread again. */
function devicesBetween(from: Place, to: Place, devices: readonly DeviceEntry[], memo: Memo): readonly number[] {
	const between = remember(memo.between, from, () => new WeakMap<Place, readonly number[]>());
	return remember(between, to, () => {
		const [spreadsFrom, spreadsTo] = [from, to].map(place => remember(memo.spreads, place, () => devices.map(device => spreadAround(device, place))));
		return [...devices.keys()].filter(index => canCross(spreadsFrom?.[index] ?? nowhere, spreadsTo?.[index] ?? nowhere));
	});
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
		return nowhere;
	}

	return near.every(host => partOf.get(host) === part) ? {kind: 'part', part, only: near.length === 1 ? near[0] : undefined} : {kind: 'many'};
}
