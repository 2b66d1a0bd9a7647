/** What `explain` is about, worked out from names: the packet, the way it takes by the kernels' routes, the verdict on it. No packet is sent. */
import type {Lab} from '../lab.ts';
import {livePaths} from '../network/live-plan.ts';
import {answerTo, isAnswered} from '../policy/answers.ts';
import {type Packet, type Verdict, evaluator, explainVerdict} from '../policy/evaluate.ts';
import {type Point, pointsOf} from '../policy/fates.ts';
import type {Path, Paths} from '../topology/paths.ts';
import type {Reader} from '../policy/reader.ts';
import {straysOf} from '../policy/strays.ts';
import type {Probe} from '../probes/probe.ts';
import type {NodePlan} from '../topology/blueprint.ts';
import {type Address, formatAddress, tryParseAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Scene} from './command.ts';
import {type Inquiry, hasSourcePort, packetFor, probeFor, sourcePort} from './inquiry.ts';
import {nodeNamed, nodeNames} from './reading.ts';

/** A node, or an address that need not be anybody's. */
export type End = {readonly node: string} | {readonly address: Address};

/** @throws InputError `unknown-node`, `wrong-kind` */
export function takeEnd(reader: Reader, scene: Scene): End {
	const word = reader.take(['node', 'address'], () => nodeNames(scene, 'host', 'router'));
	const address = tryParseAddress(word.text);
	return address ? {address} : {node: nodeNamed(word, scene, 'host', 'router')};
}

export type Case = {
	readonly packet: Packet;
	readonly verdict: Verdict;
	/** Why the answer is kept back although the packet passes and arrives: else there is none. */
	readonly answer: string | undefined;
	/** Why the path of an answer that nobody keeps back ends before the source. */
	readonly answerBroken: string | undefined;
	/** Undefined when the packet comes from outside of the network: nobody knows where it comes in. */
	readonly path: Path | undefined;
	readonly points: readonly Point[];
	/** A packet that should tell the same; undefined when one end is nobody's, or there is no way. */
	readonly probe: Probe | undefined;
	/** Whether the probe should be answered. */
	readonly isAnswered: boolean;
	/** Whether the packet surely belongs to no connection that is open: what does is not judged, and not counted. */
	readonly isFresh: boolean;
};

/** @throws InputError `no-way` when no packet can have both as its ends */
export function caseOf({network, policy, inventory}: Lab, from: End, to: End, inquiry: Inquiry): Case {
	const paths = livePaths(network);
	const [sender, receiver] = [from, to].map(end => 'node' in end ? network.node(end.node).plan : paths.ownerOf(end.address));
	const [source, destination] = endsOf(paths, from, to, sender, receiver);
	const packet = packetFor(inquiry, source, destination, sourcePort(inquiry));
	const evaluate = evaluator(policy, inventory);
	const verdict = evaluate(packet);
	const path = sender && paths.from(sender, destination);
	const points = path ? pointsOf(path, packet, verdict, inventory) : [];
	const unaware = sender && receiver ? straysOf({sender, receiver, packet}, {evaluate, paths, inventory, blueprint: network.blueprint}) : [];
	const passes = isAnswered(evaluate, packet) && unaware.length === 0;
	const answerBroken = passes && receiver && path && path.broken === undefined ? paths.from(receiver, packet.source, packet.destination).broken : undefined;
	return {
		packet,
		verdict,
		answer: verdict.action === 'allow' && !passes && path?.broken === undefined ? `${unawareText(unaware)}${explainVerdict(evaluate(answerTo(packet)))}` : undefined,
		answerBroken,
		path,
		points,
		probe: sender && receiver && sender !== receiver && path?.broken === undefined ? probeFor(inquiry, sender.name, receiver.name, packet) : undefined,
		isAnswered: passes && answerBroken === undefined,
		isFresh: !hasSourcePort(inquiry),
	};
}

function unawareText(firewalls: readonly string[]): string {
	return firewalls.length === 0 ? '' : `It comes by ${firewalls.join(' and ')}, where nothing is known of the request. `;
}

/** Where an end is a node, its address is the one that the other end would be reached from, or be reached at. */
export function endsOf(paths: Paths, from: End, to: End, sender: NodePlan | undefined, receiver: NodePlan | undefined): [Address, Address] {
	const wanted = 'address' in from ? from.address.family : undefined;
	const destination = 'address' in to ? to.address
		: sender && receiver && wanted === undefined ? paths.endsOf(sender, receiver)?.destination ?? addressOf(receiver) : receiver && addressOf(receiver, wanted);
	const source = 'address' in from ? from.address : sender && destination && (paths.sourceFor(sender, destination) ?? addressOf(sender, destination.family));
	const unlinked = [sender, receiver].find(node => node?.interfaces.length === 0);
	if (unlinked) {
		throw new InputError('no-way', `${unlinked.name} has no link: no packet goes there or comes from there. Link it first: add link ${unlinked.name} NODE.`);
	}

	if (!source || !destination || source.family !== destination.family) {
		throw new InputError('no-way', `${endText(from)} and ${endText(to)} have no addresses of one family: no packet goes from one to the other.`);
	}

	return [source, destination];
}

function addressOf({interfaces}: NodePlan, family?: 4 | 6): Address | undefined {
	const addresses = interfaces.flatMap(each => each.addresses.map(({address}) => address));
	return family === undefined ? addresses.toSorted((a, b) => a.family - b.family)[0] : addresses.find(address => address.family === family);
}

function endText(end: End): string {
	return 'node' in end ? end.node : formatAddress(end.address);
}
