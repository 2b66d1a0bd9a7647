/** One policy put in the place of another, as a file is loaded: what both say stays the very same thing. */
import {sentence} from './grammar.ts';
import {membersOf, membersOfIpg, portsOf} from './listing.ts';
import type {Policy, Rule} from './model.ts';

/**
Replaces everything but the lab's isolation. A rule that stands in both policies keeps its id, and with it its hits; all others get new
ids, for ids are never used again. Groups, IPGs and services that are equal in both stay the same objects, for compilers that go by identity.
*/
export function replacePolicy(current: Policy, next: Policy): Policy {
	const left = new Map<string, Rule[]>();
	for (const rule of current.rules) {
		left.set(sentence(rule), [...left.get(sentence(rule)) ?? [], rule]);
	}

	let {nextId} = current;
	const rules = next.rules.map(rule => left.get(sentence(rule))?.shift() ?? {...rule, id: nextId++});
	return {
		...next,
		groups: kept(current.groups, next.groups, name => [...membersOf(current, name)].sort().join() === [...membersOf(next, name)].sort().join()),
		ipgs: kept(current.ipgs, next.ipgs, name => membersOfIpg(current, name).map(({text}) => text).join() === membersOfIpg(next, name).map(({text}) => text).join()),
		services: kept(current.services, next.services, name => JSON.stringify(portsOf(current, name)) === JSON.stringify(portsOf(next, name))),
		rules: rules.length === current.rules.length && rules.every((rule, index) => rule === current.rules[index]) ? current.rules : rules,
		nextId,
		isolation: current.isolation,
	};
}

function kept<Value>(current: ReadonlyMap<string, Value>, next: ReadonlyMap<string, Value>, isSame: (name: string) => boolean): ReadonlyMap<string, Value> {
	const map = new Map([...next].map(([name, value]) => [name, current.has(name) && isSame(name) ? current.get(name) ?? value : value]));
	return map.size === current.size && [...map].every(([name, value]) => current.get(name) === value) ? current : map;
}
