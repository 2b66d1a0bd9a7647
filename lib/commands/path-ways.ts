/** The ways of an echo and of its answer, from what the kernels and the policy say: every hop, and where and why a packet dies. No packet is sent. */
import type {Lab} from '../lab.ts';
import {answerTo} from '../policy/answers.ts';
import {type Packet, type Verdict, evaluator, explainVerdict} from '../policy/evaluate.ts';
import {pointsOf} from '../policy/fates.ts';
import {unawareOf} from '../policy/strays.ts';
import type {NodePlan} from '../topology/blueprint.ts';
import type {DeathReason, Hop, Paths} from '../topology/paths.ts';
import {isStation} from '../topology/specs.ts';

/** `filtered`: a firewall keeps it back. */
export type PathDeathReason = DeathReason | 'filtered';

export type Death = {readonly node: string; readonly reason: PathDeathReason; readonly text: string};

export type Way = {
	/** To the destination, or to where the packet dies. */
	readonly hops: readonly Hop[];
	readonly death?: Death;
	/** Whether a firewall on it might keep an ICMP error back: of a connection it lets them pass. */
	readonly isGuarded: boolean;
};

export type Ways = {
	readonly there: Way;
	/** Undefined when the echo does not arrive, or nobody has the address. */
	readonly back: Way | undefined;
};

/** What one packet is to the firewalls on its way. */
type Judged = {readonly packet: Packet; readonly verdict: Verdict; /** Names of firewalls that take it for a packet of no connection. */ readonly unaware: readonly string[]};

/** @param receiver undefined for an address that is nobody's */
export function waysOf({inventory, policy, network: {blueprint}}: Lab, paths: Paths, sender: NodePlan, receiver: NodePlan | undefined, packet: Packet): Ways {
	const evaluate = evaluator(policy, inventory);
	const verdict = evaluate(packet);
	const there = wayOf(paths, inventory, sender, {packet, verdict, unaware: []});
	if (there.death || !receiver) {
		return {there, back: undefined};
	}

	const answer = answerTo(packet);
	const alone = evaluate(answer);
	const points = (start: NodePlan, each: Packet) => pointsOf(paths.from(start, each.destination, each.source), each, verdict, inventory);
	// What a connection lets pass is judged by nobody that knows of it.
	const passes = verdict.stateful ? {...alone, action: 'allow' as const} : alone;
	const unaware = verdict.stateful && alone.action !== 'allow' ? unawareOf(points(sender, packet), points(receiver, answer), blueprint) : [];
	return {there, back: wayOf(paths, inventory, receiver, {packet: answer, verdict: passes, unaware})};
}

/** A firewall on the way keeps it back before it dies of anything else. */
function wayOf(paths: Paths, inventory: Lab['inventory'], start: NodePlan, {packet, verdict, unaware}: Judged): Way {
	const path = paths.from(start, packet.destination, packet.source);
	const {hops, broken, reason} = path;
	const points = pointsOf(path, packet, verdict, inventory);
	const keeper = points.find(({fate, hop}) => fate === 'drops' || fate === 'rejects' || unaware.includes(hop.node.name));
	const isGuarded = points.length > 0 && !verdict.stateful;
	if (keeper) {
		const {name} = keeper.hop.node;
		return {hops: hops.slice(0, hops.indexOf(keeper.hop) + 1), death: {node: name, reason: 'filtered', text: filterText(name, keeper.fate, verdict)}, isGuarded};
	}

	return {hops, ...broken !== undefined && reason ? {death: {node: hops.at(-1)?.node.name ?? start.name, reason, text: broken}} : {}, isGuarded};
}

function filterText(name: string, fate: string, verdict: Verdict): string {
	return fate === 'drops' || fate === 'rejects' ? `${name} ${fate} it. ${explainVerdict(verdict)}` : `${name} drops it: it is the answer to a request that ${name} has not seen`;
}

/** The routers of a way that take one off its TTL, in order. */
export function routersOf({hops, death}: Way): Hop[] {
	const stations = hops.filter(({node, arrival}) => arrival && isStation(node));
	return death ? stations : stations.slice(0, -1);
}
