/** What is told between lines, or while one runs: failures to whoever runs lines, and at the prompt also what becomes of tunnels. */
import type {Lab} from '../lab.ts';
import type {TunnelChange} from '../network/network.ts';
import type {SecureNetError} from '../util/errors.ts';
import {paintFor} from './paint.ts';

/** A daemon that ends by itself, a BGP session that does not come. Returns what ends the watch. */
export function showFailures(lab: Lab, before = '', shown: () => void = () => undefined): () => void {
	const paint = paintFor(process.stderr);
	const show = (error: SecureNetError) => {
		process.stderr.write(`${before}${paint.error(error)}\n`);
		shown();
	};

	lab.on('failure', show);
	return () => {
		lab.off('failure', show);
	};
}

/** At the prompt: failures, and tunnels that lose their connection or get it back. Returns what ends the watch. @param shown is called after each */
export function showEvents(lab: Lab, shown: () => void): () => void {
	const unwatch = showFailures(lab, '\n', shown);
	const showTunnel = ({ends, status, reason}: TunnelChange) => {
		if (status !== 'connecting') {
			process.stderr.write(`\nSSH tunnel ${ends.join(' - ')} is ${status}${status === 'down' && reason !== undefined ? `: ${reason}` : ''}\n`);
			shown();
		}
	};

	lab.on('tunnel', showTunnel);
	return () => {
		lab.off('tunnel', showTunnel);
		unwatch();
	};
}
