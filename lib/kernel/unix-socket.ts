/** A connection to a daemon's unix socket, also while the daemon is too busy to take connections. */
import {once} from 'node:events';
import {type Socket, connect} from 'node:net';
import {setTimeout as pause} from 'node:timers/promises';
import {SecureNetError} from '../util/errors.ts';

/** Longest path of a unix socket in bytes: sun_path (108) less the final NUL, see unix(7). */
const socketPathLimit = 107;
/** Milliseconds between two attempts, and for how long. */
const retry = {pause: 20, limit: 5000} as const;

/** @throws SecureNetError `socket-path` when the path is longer than a unix socket allows; the system's error, such as ENOENT, when nobody listens there */
export async function connectTo(path: string): Promise<Socket> {
	checkSocketPath(path);
	for (const begin = performance.now(); ;) {
		try {
			const socket = connect(path);
			await once(socket, 'connect');
			return socket;
		} catch (error) {
			// More connections wait for the daemon than its backlog holds, see connect(2).
			if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() - begin > retry.limit) {
				throw error;
			}

			await pause(retry.pause);
		}
	}
}

/**
A path that is too long would fail with the bare word EINVAL, or be cut off by the daemon.

@throws SecureNetError `socket-path`
*/
export function checkSocketPath(path: string): void {
	const length = Buffer.byteLength(path);
	if (length > socketPathLimit) {
		throw new SecureNetError('socket-path', `${path} is ${length} bytes long; a unix socket's path can have ${socketPathLimit}. Use a shorter lab name.`);
	}
}
