/** Finds every problem of a topology at once, before anything starts. */
import {Problems} from '../util/problems.ts';
import {assign} from './assign.ts';
import type {Blueprint} from './blueprint.ts';
import {checkBgpNumbers, checkBgpPeers, checkBgpSessions, checkJoinedFamilies, checkJoins} from './checks/bgp.ts';
import {checkBroadcastAddresses, checkDuplicateAddresses, checkRouterSubnets, checkUsableAddresses} from './checks/addresses.ts';
import {checkDuplicateMacs, checkInterfaceNameLengths, checkInterfaceNames, checkMtus, checkPorts} from './checks/interfaces.ts';
import {checkBridgeSizes, checkLinkEnds, checkLoops, checkPortOwners} from './checks/links.ts';
import {checkAllowedAddresses, checkDuplicateNames, checkHostInterfaces, checkNames, checkWaitingHosts} from './checks/nodes.ts';
import {checkOptions} from './checks/options.ts';
import {checkDuplicateRoutes, checkGateways, checkNextHops} from './checks/routes.ts';
import {checkNeighbors, checkRules, checkSysctls} from './checks/routing.ts';
import {checkShaping} from './checks/shaping.ts';
import {checkStateSync} from './checks/state-sync.ts';
import {type Standing, checkDistinctTunnels, checkSshNames, checkTunnelEnds, checkTunnelNumbers, checkUnderlays} from './checks/tunnels.ts';
import type {Graph} from './specs.ts';
import type {Topology} from './topology.ts';

/** What the file says. */
const graphChecks: ReadonlyArray<(graph: Graph, problems: Problems) => void> = [
	checkNames,
	checkDuplicateNames,
	checkHostInterfaces,
	checkWaitingHosts,
	checkAllowedAddresses,
	checkLinkEnds,
	checkPortOwners,
	checkShaping,
	checkTunnelEnds,
	checkTunnelNumbers,
	checkSshNames,
	checkBgpNumbers,
	checkJoins,
];

/** What became of it. The last ones depend on what the first ones check, and keep quiet about nodes that already have a problem. */
const blueprintChecks: ReadonlyArray<(plan: Blueprint, problems: Problems, standing?: Standing) => void> = [
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
	checkRules,
	checkNeighbors,
	checkSysctls,
	checkStateSync,
	checkDistinctTunnels,
	checkUnderlays,
	checkBgpPeers,
	checkBgpSessions,
	checkJoinedFamilies,
];

/** Those that look at each node by itself. */
const checksOfOneNode: ReadonlySet<(plan: Blueprint, problems: Problems) => void> = new Set([
	checkInterfaceNameLengths, checkPorts, checkBridgeSizes, checkMtus, checkUsableAddresses, checkBroadcastAddresses, checkRouterSubnets, checkNextHops, checkDuplicateRoutes,
]);

/**
A host without any link is no problem: it may be linked later.

@returns the blueprint, fit to be built
@throws ProblemsError with all problems, InputError `build` when `build()` fails
*/
export function check(topology: Topology): Blueprint {
	const graph = topology.describe();
	const {plan, problems} = examine(graph);
	const count = problems.list.length;
	problems.throwIfAny(`Topology ${graph.name} has ${count === 1 ? 'a problem' : `${count} problems`}:`);
	return plan;
}

/**
What becomes of a graph, and all its problems. Options that cannot be understood are told alone: nothing follows from them.

@param options.touched the only nodes that can have problems of their own; default: all
@param options.standing of a network that grows: how it stands
*/
export function examine(graph: Graph, {touched, standing}: {readonly touched?: ReadonlySet<string>; readonly standing?: Standing} = {}): {readonly plan: Blueprint; readonly problems: Problems} {
	const problems = new Problems();
	checkOptions(graph, problems);
	if (problems.list.length > 0) {
		return {plan: assign({...graph, nodes: [], links: [], tunnels: []}, new Problems()), problems};
	}

	for (const find of graphChecks) {
		find(graph, problems);
	}

	const plan = assign(graph, problems);
	const part = touched ? {...plan, nodes: new Map([...plan.nodes].filter(([name]) => touched.has(name)))} : plan;
	for (const find of blueprintChecks) {
		find(checksOfOneNode.has(find) ? part : plan, problems, standing);
	}

	return {plan, problems};
}
