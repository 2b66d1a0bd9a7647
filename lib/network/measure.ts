/** Throughput between two nodes, measured by iperf3. */
import {randomInt} from 'node:crypto';
import {startService} from '../kernel/daemon.ts';
import {ProgramError, run} from '../kernel/process.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import type {Network} from './network.ts';

export type IperfResult = {
	readonly from: string;
	readonly to: string;
	/** Received by `to`. */
	readonly bitsPerSecond: number;
};

export type IperfOptions = {
	/** Default 2. */
	readonly seconds?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

const defaultSeconds = 2;
/** Milliseconds until a connection that is filtered counts as refused. */
const connectTimeout = 3000;

/**
TCP throughput from one node to another. The server listens on a port of its own for this one measurement.
Equivalent to: `iperf3 --client B` in A against `iperf3 --server` in B

@throws InputError when `b` has no address; SecureNetError `iperf` when they cannot connect, with iperf3's own words
*/
export async function iperf(network: Network, a: string, b: string, {seconds = defaultSeconds, signal}: IperfOptions = {}): Promise<IperfResult> {
	const [from, to] = [network.node(a), network.node(b)];
	if (to.address === undefined) {
		throw new InputError('no-address', `${b} has no address to measure to.`);
	}

	const port = String(randomInt(20_000, 60_000));
	const server = await startService(['iperf3', '--server', '--one-off', '--port', port, '--forceflush'], /listening/, {namespace: to.namespace, signal});
	try {
		const client = ['iperf3', '--client', to.address, '--port', port, '--json', '--time', String(seconds), '--connect-timeout', String(connectTimeout)];
		const {stdout} = await run(client, {namespace: from.namespace, timeout: (seconds * 1000) + connectTimeout + 10_000, signal});
		return {from: a, to: b, bitsPerSecond: receivedRate(a, b, stdout)};
	} catch (error) {
		throw error instanceof ProgramError && signal?.aborted !== true ? failure(a, b, error.stdout, error) : error;
	} finally {
		server.stop();
		await server.ended;
	}
}

type Report = {readonly end: {readonly sum_received?: {readonly bits_per_second: number}}; readonly error?: string};

/** iperf3 may report an error and still exit with status 0. */
function receivedRate(a: string, b: string, report: string): number {
	const {sum_received: received} = (JSON.parse(report) as Report).end;
	if (!received) {
		throw failure(a, b, report);
	}

	return received.bits_per_second;
}

function failure(a: string, b: string, report: string, cause?: unknown): SecureNetError {
	const words = /"error":\s*"(?<words>[^"]*)"/.exec(report)?.groups?.['words'] ?? 'iperf3 did not say why';
	return new SecureNetError('iperf', `iperf ${a} ${b}: ${words}. Is TCP from ${a} to ${b} allowed?`, {}, {cause});
}
