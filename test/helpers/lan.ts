/** A small network with a switch, a bridge and a router, and the words of tests in which something comes to it or leaves it. */
import type {ExecutionContext} from 'ava';
import {Topology, check, pingAll} from '../../lib/index.ts';
import {execute} from '../../lib/kernel/process.ts';
import {Network, type NetworkOptions} from '../../lib/network/network.ts';
import {ovsEnvironment} from '../../lib/network/paths.ts';
import type {EndSpec, HostOptions, LinkSpec, NodeSpec, RouterOptions} from '../../lib/topology/specs.ts';
import {uniqueName} from './names.ts';

/** Two hosts on each of a switch and a bridge, and a router between. */
export class Lan extends Topology {
	override build(): void {
		const [s1, b1, r1] = [this.addSwitch('s1'), this.addBridge('b1'), this.addRouter('r1')];
		for (const n of [1, 2]) {
			this.addLink(this.addHost(`h${n}`, {ip: `10.1.0.${n}/24`}), s1);
			this.addLink(this.addHost(`k${n}`, {ip: `10.2.0.${n}/24`}), b1);
		}

		this.addLink(r1.interface({ip: '10.1.0.254/24'}), s1);
		this.addLink(r1.interface({ip: '10.2.0.254/24'}), b1);
	}
}

export async function lanOf(t: ExecutionContext, options: NetworkOptions = {}, topology: Topology = new Lan()): Promise<Network> {
	const network = await Network.up(check(topology), {name: uniqueName(), ...options});
	t.teardown(async () => network.down());
	return network;
}

export function host(name: string, options: HostOptions = {}): NodeSpec {
	return {kind: 'host', name, options};
}

export function router(name: string, options: RouterOptions = {}): NodeSpec {
	return {kind: 'router', name, options};
}

/** `h1` or `r1 10.0.0.254/24`. */
export function end(text: string): EndSpec {
	const [node = '', ip] = text.split(' ');
	return {node, options: ip === undefined ? {} : {ip}};
}

export function link(a: string, b: string): LinkSpec {
	return {ends: [end(a), end(b)], options: {}};
}

export async function everyPairAnswers(t: ExecutionContext, network: Network, pairs: number): Promise<void> {
	const {sent, lost} = await pingAll(network);
	t.deepEqual(lost, []);
	t.is(sent, pairs);
}

/** Ports of all switches and bridges, as the kernel and Open vSwitch have them. */
export async function portsOf(network: Network): Promise<string[]> {
	const {namespace} = network.node('s1');
	const {stdout: links} = await execute(['ip', '-oneline', 'link'], {namespace});
	const {stdout: ports} = await execute(['ovs-vsctl', 'list-ports', 's1'], {namespace, env: ovsEnvironment(network.name)});
	return [...links.split('\n').map(line => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? ''), ...ports.split('\n').map(port => `s1 ${port}`)].sort();
}
