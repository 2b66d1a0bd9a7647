/** What hosts and routers say of routing beside their routes: rules that choose a table, permanent neighbours. What cannot be read is told, and left out. */
import type {Problems} from '../util/problems.ts';
import type {InterfacePlan, NeighborPlan, RulePlan} from './blueprint.ts';
import {type Surroundings, neighborForm, readNeighbor} from './neighbors.ts';
import {readRoutingRules, ruleForm} from './routing-rules.ts';
import type {Segment} from './segments.ts';
import type {NodeSpec} from './specs.ts';

export function planRules(node: NodeSpec, problems: Problems): RulePlan[] {
	return node.kind === 'host' || node.kind === 'router' ? usable(node.name, 'rule', readRoutingRules(node.options.rules ?? []), ruleForm, problems) : [];
}

export function planNeighbors(node: NodeSpec, interfaces: readonly InterfacePlan[], segments: ReadonlyMap<InterfacePlan, Segment>, problems: Problems): NeighborPlan[] {
	const given = node.kind === 'host' || node.kind === 'router' ? node.options.neighbors ?? [] : [];
	const around: Surroundings = name => interfaces.filter(each => each.name === name).flatMap(each => segments.get(each) ?? []);
	return usable(node.name, 'neighbor', given.map(options => readNeighbor(options, interfaces, around)), neighborForm, problems);
}

function usable<Plan>(node: string, what: string, read: ReadonlyArray<Plan | string>, form: string, problems: Problems): Plan[] {
	return read.flatMap(each => {
		if (typeof each === 'string') {
			problems.add(node, `its ${what} ${each}`, form);
			return [];
		}

		return [each];
	});
}
