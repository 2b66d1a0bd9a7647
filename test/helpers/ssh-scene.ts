/** Two nodes that an SSH tunnel can join, with a router between them that hides the first one behind its own address. */
import {readdirSync, rmSync} from 'node:fs';
import type {ExecutionContext} from 'ava';
import {type Namespace, createNamespaces, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {addTun} from '../../lib/kernel/tun.ts';
import {namespaceOf, networkOf, processes} from '../../lib/link/sshd-processes.ts';
import {SshTunnel, type SshTunnelOptions, type TunnelState} from '../../lib/link/ssh-tunnel.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {testDirectory} from './fabric.ts';
import {uniqueName} from './names.ts';
import {longPatience, patience} from './patience.ts';

export type SshScene = {
	/** 10.1.0.1 on eth0, behind the router; 10.7.0.1 and fd07::1 on the device. */
	readonly th1: Namespace;
	readonly router: Namespace;
	/** 203.0.113.2 on eth0, with no route back; 10.7.0.2 and fd07::2 on the device; 10.8.0.1 and fd08::1 behind it, to which th1 has routes. */
	readonly th2: Namespace;
	readonly directory: string;
	readonly options: SshTunnelOptions;
};

export async function buildSshScene(t: ExecutionContext, mode: 'layer3' | 'layer2' = 'layer3', unit = 0): Promise<SshScene> {
	const lab = uniqueName();
	const namespaces = createNamespaces(['th1', 'isp', 'th2'].map(node => `${lab}.${node}`));
	const directory = testDirectory();
	t.teardown(() => {
		deleteNamespaces(namespaces);
		rmSync(directory, {recursive: true, force: true});
	});
	const [th1, router, th2] = namespaces as [Namespace, Namespace, Namespace];
	await Promise.all(namespaces.map(async namespace => run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.default.accept_dad=0'], {namespace})));
	await batch(router, [`link add lan up type veth peer name eth0 netns ${th1.name}`, `link add wan up type veth peer name eth0 netns ${th2.name}`, 'address add 10.1.0.254/24 dev lan', 'address add 203.0.113.1/24 dev wan']);
	await batch(th1, ['link set lo up', 'link set eth0 up', 'address add 10.1.0.1/24 dev eth0', 'route add default via 10.1.0.254']);
	await batch(th2, ['link set lo up', 'link set eth0 up', 'address add 203.0.113.2/24 dev eth0', 'address add 10.8.0.1/32 dev lo', 'address add fd08::1/128 dev lo']);
	await run(['iptables-restore'], {namespace: router, input: '*nat\n-A POSTROUTING -o wan -j MASQUERADE\nCOMMIT\n'});
	const device = await addDevices(th1, th2, mode, unit);
	await batch(th1, ['route add 10.8.0.0/24 via 10.7.0.2', 'route add fd08::/64 via fd07::2']);
	return {th1, router, th2, directory, options: sshOptions({th1, th2, directory, mode, device})};
}

/** Addresses are of the network 10.(7 + unit).0.0 and its like. @returns the name, on both sides */
export async function addDevices(th1: Namespace, th2: Namespace, mode: 'layer3' | 'layer2', unit = 0): Promise<string> {
	const name = `${mode === 'layer3' ? 'tun' : 'tap'}${unit}`;
	const network = 7 + (unit * 10);
	for (const [namespace, number] of [[th1, 1], [th2, 2]] as const) {
		addTun(namespace, {name, mode});
		await batch(namespace, [`link set ${name} up`, `address add 10.${network}.0.${number}/24 dev ${name}`, `address add fd${String(network).padStart(2, '0')}::${number}/64 dev ${name} nodad`]);
	}

	return name;
}

export function sshOptions({th1, th2, directory, mode, device}: Pick<SshScene, 'th1' | 'th2' | 'directory'> & {mode: 'layer3' | 'layer2'; device: string}): SshTunnelOptions {
	return {
		client: {node: 'th1', namespace: th1, device},
		server: {node: 'th2', namespace: th2, device, endpoint: parseAddress('203.0.113.2')},
		mode, directory, timeout: longPatience, keepAlive: {interval: 1, count: Math.ceil(2 * patience)}, started: () => undefined,
	};
}

/** Opens the scene's tunnel for one test. */
export async function openTunnel(t: ExecutionContext, options: SshTunnelOptions): Promise<SshTunnel> {
	const tunnel = await SshTunnel.open(options);
	t.teardown(async () => tunnel.close());
	return tunnel;
}

/** The next state that fits; while somebody waits, the program does not end. */
export async function nextState(tunnel: SshTunnel, fits: (state: TunnelState) => boolean): Promise<TunnelState> {
	return new Promise((resolve, reject) => {
		const look = (state: TunnelState) => {
			if (fits(state)) {
				clearTimeout(timer);
				tunnel.off('state', look);
				resolve(state);
			}
		};
		const timer = setTimeout(() => {
			tunnel.off('state', look);
			reject(new Error(`The state did not come; it is ${JSON.stringify(tunnel.state)}.`));
		}, longPatience);
		tunnel.on('state', look);
	});
}

/** Numbers of the processes in a namespace. */
export function runningIn(namespace: Namespace): number[] {
	const network = networkOf(namespace);
	return processes().filter(pid => namespaceOf(pid, 'net') === network);
}

/** Addresses, routes and interfaces as the kernel shows them, without what counts or passes. */
export async function configurationOf(namespace: Namespace): Promise<string> {
	const shown = await Promise.all([['address'], ['-4', 'route', 'show', 'table', 'all'], ['-6', 'route', 'show', 'table', 'all']].map(async words => run(['ip', ...words], {namespace})));
	return shown.map(({stdout}) => stdout).join('');
}

export async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
	await run(['ip', '-batch', '-'], {namespace, input: lines.map(line => `${line}\n`).join('')});
}

/** Everything below a directory. */
export function filesIn(directory: string): string[] {
	return readdirSync(directory, {recursive: true, encoding: 'utf8'}).sort();
}
