/** Finds every problem of a topology at once, before anything starts. */
import {Problems} from '../util/problems.ts';
import {blueprint} from './assign.ts';
import type {Blueprint} from './blueprint.ts';
import {checkBroadcastAddresses, checkDuplicateAddresses, checkRouterSubnets, checkUsableAddresses} from './checks/addresses.ts';
import {checkDuplicateMacs, checkInterfaceNameLengths, checkInterfaceNames, checkMtus, checkPorts} from './checks/interfaces.ts';
import {checkBridgeSizes, checkLinkEnds, checkLoops, checkPortOwners} from './checks/links.ts';
import {checkAllowedAddresses, checkDuplicateNames, checkHostInterfaces, checkNames} from './checks/nodes.ts';
import {checkOptions} from './checks/options.ts';
import {checkDuplicateRoutes, checkGateways, checkNextHops} from './checks/routes.ts';
import {checkShaping} from './checks/shaping.ts';
import {checkStateSync} from './checks/state-sync.ts';
import type {Graph} from './specs.ts';
import type {Topology} from './topology.ts';

/** What the file says. */
const graphChecks: ReadonlyArray<(graph: Graph, problems: Problems) => void> = [
	checkNames,
	checkDuplicateNames,
	checkHostInterfaces,
	checkAllowedAddresses,
	checkLinkEnds,
	checkPortOwners,
	checkShaping,
];

/** What became of it. The last ones depend on what the first ones check, and keep quiet about nodes that already have a problem. */
const blueprintChecks: ReadonlyArray<(plan: Blueprint, problems: Problems) => void> = [
	checkInterfaceNameLengths,
	checkInterfaceNames,
	checkPorts,
	checkBridgeSizes,
	checkMtus,
	checkDuplicateMacs,
	checkUsableAddresses,
	checkBroadcastAddresses,
	checkDuplicateAddresses,
	checkRouterSubnets,
	checkLoops,
	checkNextHops,
	checkGateways,
	checkDuplicateRoutes,
	checkStateSync,
];

/**
A host without any link is no problem: it may be linked later.

@returns the blueprint, fit to be built
@throws ProblemsError with all problems, InputError `build` when `build()` fails
*/
export function check(topology: Topology): Blueprint {
	const graph = topology.describe();
	const problems = new Problems();
	checkOptions(graph, problems);
	stop(graph, problems);
	for (const find of graphChecks) {
		find(graph, problems);
	}

	const plan = blueprint(topology, problems);
	for (const find of blueprintChecks) {
		find(plan, problems);
	}

	stop(graph, problems);
	return plan;
}

function stop({name}: Graph, problems: Problems): void {
	const count = problems.list.length;
	problems.throwIfAny(`Topology ${name} has ${count === 1 ? 'a problem' : `${count} problems`}:`);
}
