/** A router between two hosts, both families, for tests of perimeter drivers on a real kernel. */
import {deleteNamespaces, inside} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {ProgramError, execute, run} from '../../lib/kernel/process.ts';
import {AF_INET, SOCK_RAW, close, socket, trySendTo} from '../../lib/kernel/syscall.ts';
import {addressBytes, parseAddress} from '../../lib/util/address.ts';
import type {CompleteDriver, InstalledLine} from '../../lib/drivers/driver.ts';
import {applySettings, inheritedSettings} from '../../lib/node/configure.ts';
import type {NodePlan} from '../../lib/topology/blueprint.ts';
import {sketch} from './blueprints.ts';
import {testNamespaces} from './fabric.ts';
import {patience} from './patience.ts';
import {perimeterPlan} from './plans.ts';
import type {Sketch} from './plans.ts';

export type Router = {
	/** 10.0.1.1 and fd01::1 on eth0. */
	readonly client: Namespace;
	readonly router: Namespace;
	/** 10.0.2.1 and fd02::1 on eth0. */
	readonly server: Namespace;
	readonly down: () => void;
};

export async function buildRouter(): Promise<Router> {
	const namespaces = testNamespaces('client', 'fw', 'server');
	const [client, router, server] = namespaces as [Namespace, Namespace, Namespace];
	const down = () => {
		deleteNamespaces(namespaces);
	};
	try {
		const {nodes} = sketch('h1 10.0.1.1/24,fd01::1/64 -- fw 10.0.1.254/24,fd01::fe/64\nh2 10.0.2.1/24,fd02::1/64 -- fw 10.0.2.254/24,fd02::fe/64');
		for (const [name, namespace] of [['h1', client], ['fw', router], ['h2', server]] as const) {
			inside(namespace, () => {
				applySettings(nodes.get(name) as NodePlan, inheritedSettings());
			});
		}

		for (const [host, number] of [[client, 1], [server, 2]] as const) {
			await run(['ip', 'link', 'add', `r${number}`, 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.name], {namespace: router});
			await batch(router, [`address add 10.0.${number}.254/24 dev r${number}`, `address add fd0${number}::fe/64 dev r${number} nodad`]);
			await batch(host, ['link set lo up', 'link set eth0 up', `address add 10.0.${number}.1/24 dev eth0`, `address add fd0${number}::1/64 dev eth0 nodad`,
				`route add default via 10.0.${number}.254`, `route add ::/0 via fd0${number}::fe`]);
		}

		// Hosts answer for every closed port, however many a test asks.
		await Promise.all([client, server].map(async namespace => run(['sysctl', '-qw', 'net.ipv4.icmp_ratemask=0', 'net.ipv6.icmp.ratemask=0'], {namespace})));
		return {client, router, server, down};
	} catch (error) {
		// A hook that fails has no context to take down.
		down();
		throw error;
	}
}

async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
	await run(['ip', '-batch', '-'], {namespace, input: lines.map(line => `${line}\n`).join('')});
}

/** Subnets, routers and two groups of one host each, as `buildRouter` has them. */
export const base = {
	sets: {'sg:db': '10.0.2.1 fd02::1', 'sg:web': '10.0.1.1 fd01::1'},
	bound: '10.0.1.1 10.0.2.1 fd01::1 fd02::1',
	routers: '10.0.1.254 10.0.2.254 fd01::fe fd02::fe',
	domains: ['10.0.1.0/24 fd01::/64', '10.0.2.0/24 fd02::/64'],
	rules: ['1: allow sg:web to sg:db'],
} satisfies Sketch;

/** A driver with what it has installed on the router. */
export class Installed<State> {
	readonly device = 'fw';
	readonly driver: CompleteDriver<State>;
	state: State;

	constructor(driver: CompleteDriver<State>) {
		this.driver = driver;
		this.state = driver.plain;
	}

	async install(sketch: Sketch): Promise<void> {
		await this.change(this.driver.render(perimeterPlan(sketch), this.state));
	}

	async change(next: State): Promise<void> {
		const step = {device: this.device, previous: this.state, next};
		await this.driver.check(step);
		await this.driver.apply(step);
		this.state = next;
	}

	async lines(): Promise<readonly InstalledLine[]> {
		return (await this.driver.list(new Map([[this.device, this.state]]))).get(this.device) ?? [];
	}

	async hits(rule: number): Promise<number> {
		return (await this.lines()).filter(line => line.rule === rule).reduce((sum, {packets}) => sum + packets, 0);
	}

	/** Packets that lines of these sentences have counted. */
	async packets(sentence: RegExp): Promise<number> {
		return (await this.lines()).filter(line => line.sentence !== undefined && sentence.test(line.sentence)).reduce((sum, {packets}) => sum + packets, 0);
	}

	async connections(): Promise<string[]> {
		const connections = (await this.driver.connections(new Map([[this.device, this.state]]))).get(this.device) ?? [];
		return connections.map(({protocol, source, destination, sport, dport}) => [protocol, source, sport, destination, dport].filter(word => word !== undefined).join(' ')).sort();
	}

	async cutAll(): Promise<void> {
		const connections = (await this.driver.connections(new Map([[this.device, this.state]]))).get(this.device) ?? [];
		await this.driver.cut(this.device, this.state, connections);
	}
}

export async function pings(from: Namespace, to: string): Promise<boolean> {
	return isAllowed(run(['ping', '-c', '1', '-W', String(patience), to], {namespace: from}));
}

/** What ping says of one echo request: `reply`, an error's words, or nothing. */
export async function pingAnswer(from: Namespace, to: string): Promise<string> {
	const {stdout} = await execute(['ping', '-c', '1', '-W', String(patience), to], {namespace: from});
	return /bytes from/.test(stdout) ? 'reply' : /icmp_seq=1 (.*)/.exec(stdout)?.[1] ?? '';
}

/**
What becomes of a datagram or a connection: hosts listen on no port, so what reaches one is `refused`.

@returns the system's words in lower case, `silence` when nobody answers
*/
export async function asks(from: Namespace, protocol: 'tcp' | 'udp', to: string, port: number): Promise<string> {
	const script = `exec 3<>/dev/${protocol}/${to}/${port} && { echo x >&3; sleep ${0.1 * patience}; echo x >&3; } && echo silence >&2`;
	const {stderr, exitCode} = await execute(['timeout', String(0.6 * patience), 'bash', '-c', script], {namespace: from});
	return exitCode === 124 ? 'silence' : /(silence|refused|no route|denied|unreachable|prohibited)/i.exec(stderr)?.[1]?.toLowerCase() ?? stderr;
}

/** Sends a datagram to each of the ports, from one. */
export async function sends(from: Namespace, sport: number, to: string, ...dports: readonly number[]): Promise<void> {
	const script = `const socket = require('node:dgram').createSocket('${to.includes(':') ? 'udp6' : 'udp4'}');
		const ports = [${dports.join(', ')}];
		let left = ports.length;
		socket.on('error', () => {});
		socket.bind(${sport}, () => ports.forEach(port => socket.send('x', port, '${to}', () => --left || socket.close())));`;
	await run([process.execPath, '-e', script], {namespace: from});
}

/** Sends one TCP segment of IPv4, from port 1 to port 80, that has ACK alone: it opens no connection. */
export function sendsAck(from: Namespace, source: string, to: string): void {
	const [own, other] = [source, to].map(text => Buffer.from(addressBytes(parseAddress(text)))) as [Buffer, Buffer];
	const segment = Buffer.from('0001005000000001000000015010ffff00000000', 'hex');
	const pseudo = Buffer.concat([own, other, Buffer.from([0, 6, 0, segment.length]), segment]);
	let sum = 0;
	for (let offset = 0; offset < pseudo.length; offset += 2) {
		sum += pseudo.readUInt16BE(offset);
	}

	sum = (sum & 0xFF_FF) + (sum >>> 16);
	segment.writeUInt16BE(~((sum & 0xFF_FF) + (sum >>> 16)) & 0xFF_FF, 16);
	const fd = inside(from, () => socket(AF_INET, SOCK_RAW, 6));
	trySendTo(fd, segment, Buffer.concat([Buffer.from([AF_INET, 0, 0, 0]), other, Buffer.alloc(8)]));
	close(fd);
}

async function isAllowed(ping: Promise<unknown>): Promise<boolean> {
	try {
		await ping;
		return true;
	} catch (error) {
		if (error instanceof ProgramError) {
			return false;
		}

		throw error;
	}
}
