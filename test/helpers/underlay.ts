/** Two namespaces with a link between them, and GRE tunnels over it. */
import type {ExecutionContext} from 'ava';
import {GreEndpoint, type GreTunnel} from '../../lib/kernel/gre-endpoint.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {execute, run} from '../../lib/kernel/process.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {testNamespaces} from './fabric.ts';
import {longPatience} from './patience.ts';

/** 192.0.2.1 and fd00:100::1 on u in one, 192.0.2.2 and fd00:100::2 in the other. */
export async function buildUnderlay(t: ExecutionContext): Promise<readonly [Namespace, Namespace]> {
	const [a, b] = testNamespaces('a', 'b') as [Namespace, Namespace];
	t.teardown(() => {
		deleteNamespaces([a, b]);
	});
	await run(['ip', 'link', 'add', 'u', 'type', 'veth', 'peer', 'name', 'u', 'netns', b.name], {namespace: a});
	for (const [namespace, number] of [[a, 1], [b, 2]] as const) {
		await batch(namespace, ['link set lo up', 'link set u up', `address add 192.0.2.${number}/24 dev u`, `address add fd00:100::${number}/64 dev u nodad`]);
	}

	return [a, b];
}

/** An endpoint that closes before its namespaces go. */
export async function openEndpoint(t: ExecutionContext): Promise<GreEndpoint> {
	const endpoint = await GreEndpoint.open();
	t.teardown(async () => endpoint.close());
	return endpoint;
}

/** One end of a tunnel over IPv4 between the two, with what the kernel's GRE would choose. @param number 1 or 2: which end */
export function end(namespace: Namespace, number: 1 | 2, options: Partial<GreTunnel> = {}): GreTunnel {
	const mode = options.mode ?? 'layer3';
	return {
		namespace, name: 'g', mode, ttl: 255, mtu: mode === 'layer3' ? 1472 : 1458,
		local: parseAddress(`192.0.2.${number}`), remote: parseAddress(`192.0.2.${3 - number}`),
		...options,
	};
}

/** A tunnel between two namespaces, with 10.0.1.1 and fd00:1::1 at one end and 10.0.1.2 and fd00:1::2 at the other. */
export async function buildTunnel(t: ExecutionContext, options: (number: 1 | 2) => Partial<GreTunnel> = () => ({})): Promise<readonly [Namespace, Namespace, GreEndpoint]> {
	const [a, b] = await buildUnderlay(t);
	const endpoint = await openEndpoint(t);
	endpoint.add(end(a, 1, options(1)));
	endpoint.add(end(b, 2, options(2)));
	await address(a, 'g', 1, 1);
	await address(b, 'g', 1, 2);
	return [a, b, endpoint];
}

/** Sets a device up with 10.0.NET.NUMBER/24 and fd00:NET::NUMBER/64. */
export async function address(namespace: Namespace, name: string, net: number, number: 1 | 2): Promise<void> {
	await batch(namespace, [`link set ${name} up`, `address add 10.0.${net}.${number}/24 dev ${name}`, `address add fd00:${net}::${number}/64 dev ${name} nodad`]);
}

export async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
	await run(['ip', '-batch', '-'], {namespace, input: lines.map(line => `${line}\n`).join('')});
}

/** Whether one of many requests is answered, in time. @param options such as a size */
export async function answers(from: Namespace, to: string, ...options: readonly string[]): Promise<boolean> {
	const {exitCode} = await execute(['ping', '-n', '-q', '-i0.2', `-w${Math.ceil(longPatience / 1000)}`, '-c1', ...options, to], {namespace: from});
	return exitCode === 0;
}

/** Whether none of a few requests is answered. */
export async function isSilent(from: Namespace, to: string, ...options: readonly string[]): Promise<boolean> {
	const {stdout} = await execute(['ping', '-n', '-i0.1', '-c3', '-W0.3', ...options, to], {namespace: from});
	return !stdout.includes('bytes from');
}
