/** `links`: every link and tunnel with its ends, its state, how it is shaped or carried, and what has passed. */
import type {Carrier} from '../kernel/carrier.ts';
import type {Link} from '../link/link.ts';
import type {Tunnel} from '../link/tunnel.ts';
import type {Network} from '../network/network.ts';
import type {TunnelPlan} from '../topology/blueprint.ts';
import {type Shaping, formatShaping, isShaped} from '../topology/shaping.ts';
import {formatAddress} from '../util/address.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';

/** In the order of the topology, links first. */
export type LinksResult = ReadonlyArray<{
	readonly ends: ReadonlyArray<{
		readonly node: string;
		readonly interface: string;
		/** What is done to the frames that it sends; absent when nothing is. */
		readonly shaping?: Shaping;
		/** Of a tunnel: the address to which the other ends send, and how much this end has received and sent; absent when its device is gone. */
		readonly endpoint?: string;
		readonly received?: {readonly packets: number; readonly bytes: number};
		readonly sent?: {readonly packets: number; readonly bytes: number};
	}>;
	/** Of a tunnel: what carries it, such as `gre key 7`. */
	readonly via?: string;
	/** Whether both ends are up, so that frames pass. */
	readonly up: boolean;
	/** Why they do not: the link is down, one end was set down inside its node, or deleted. A tunnel over SSH has no carrier while it has no connection. */
	readonly state: Carrier;
	/** Why an SSH tunnel has no connection, in the words of ssh. */
	readonly reason?: string;
}>;

export const linksCommand: Command<undefined, LinksResult> = {
	name: 'links',
	usage: 'links',
	summary: 'all links and tunnels, whether they are up, how they are shaped or carried',
	details: 'down: as "link A B down" leaves it. no carrier: the other end was set down inside its node, as by "h10 ip link set h10-eth0 down".',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({network}) {
		return Promise.resolve([...network.links.map(describeLink), ...network.tunnels.map(tunnel => describeTunnel(tunnel, network))]);
	},
	text: linksText,
};

export function describeLink({ends, shaping, carrier: state}: Link): LinksResult[number] {
	return {
		ends: ends.map(({node, name}, side) => ({node, interface: name, ...(isShaped(shaping[side]) ? {shaping: shaping[side]} : {})})),
		up: state === 'up',
		state,
	};
}

export function describeTunnel(tunnel: Tunnel, network: Pick<Network, 'connectionOf'>): LinksResult[number] {
	const {carrier: state, counters, plan} = tunnel;
	const connection = network.connectionOf(tunnel);
	return {
		ends: tunnel.ends.map(({node, name}, index) => {
			const counted = counters[index];
			const endpoint = plan.ends[index]?.endpoint;
			return {
				node,
				interface: name,
				...endpoint ? {endpoint: formatAddress(endpoint)} : {},
				...counted ? {received: {packets: counted.receivedPackets, bytes: counted.receivedBytes}, sent: {packets: counted.sentPackets, bytes: counted.sentBytes}} : {},
			};
		}),
		via: carrierText(plan),
		up: state === 'up',
		state,
		...connection?.reason === undefined || state === 'up' ? {} : {reason: connection.reason},
	};
}

function carrierText(plan: TunnelPlan): string {
	switch (plan.via) {
		case 'gre': {
			return ['gre', ...plan.mode === 'layer2' ? ['layer2'] : [], ...plan.key === undefined ? [] : [`key ${plan.key}`], `ttl ${plan.ttl}`].join(' ');
		}

		case 'vxlan': {
			return `vxlan vni ${plan.vni} port ${plan.port} ttl ${plan.ttl}`;
		}

		case 'ssh': {
			return ['ssh', ...plan.mode === 'layer2' ? ['layer2'] : []].join(' ');
		}
	}
}

export function linksText(links: LinksResult): string {
	return columns(links.map(({ends, state, via, reason}) => [ends.map(endText).join('<->'), state, via === undefined ? shapingText(ends) : tunnelText(via, ends), reason ?? '']));
}

/** The name of an interface mostly says whose it is. */
function endText({node, interface: name}: LinksResult[number]['ends'][number]): string {
	return name.startsWith(`${node}-`) ? name : `${node}:${name}`;
}

function tunnelText(via: string, ends: LinksResult[number]['ends']): string {
	const packets = ends.map(({node, sent}) => `${node} sent ${sent?.packets ?? 0}`);
	return `${via}, ${ends.map(({endpoint}) => endpoint).join(' <-> ')}, packets: ${packets.join(', ')}`;
}

/** As `link A B set` reads it; where the directions differ, each by itself. */
function shapingText(ends: LinksResult[number]['ends']): string {
	const texts = ends.map(({shaping}) => formatShaping(shaping ?? {}));
	return texts[0] === texts[1] ? texts[0] ?? '' : ends.flatMap(({node}, side) => texts[side] ? [`${texts[side]} from ${node}`] : []).join(', ');
}
