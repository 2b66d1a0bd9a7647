/** Commands to a running Open vSwitch daemon over its control socket, as ovs-appctl(8) gives them, without starting a program. */
import {JsonRpc} from './jsonrpc.ts';

/** Commands that wait for their answers at a time: each one's time begins with its slice. */
const sliceSize = 256;

/**
One command.
Equivalent to: `ovs-appctl --target=SOCKET COMMAND ARGUMENT …`

@param timeout milliseconds
@throws RpcError with the daemon's words when it refuses
*/
export async function unixctl(socket: string, command: string, args: readonly string[], timeout?: number): Promise<string> {
	using control = await JsonRpc.connect(socket, peerOf(socket));
	return await call(control, command, args, timeout);
}

/**
Many calls of one command over one connection, sent in slices; the daemon answers in order.
An answer that is an error, or comes too late, does not stop the others.

@param timeout milliseconds for one slice
@throws RpcError when nobody listens
*/
export async function unixctlAll(socket: string, command: string, argumentLists: ReadonlyArray<readonly string[]>, timeout?: number): Promise<Array<PromiseSettledResult<string>>> {
	using control = await JsonRpc.connect(socket, peerOf(socket));
	const answers: Array<PromiseSettledResult<string>> = [];
	for (let at = 0; at < argumentLists.length; at += sliceSize) {
		answers.push(...await Promise.allSettled(argumentLists.slice(at, at + sliceSize).map(async args => call(control, command, args, timeout))));
	}

	return answers;
}

async function call(control: JsonRpc, command: string, args: readonly string[], timeout?: number): Promise<string> {
	return String(await control.call(command, args, timeout));
}

/** The socket `…/ovs-vswitchd.ctl` belongs to ovs-vswitchd. */
function peerOf(socket: string): string {
	return socket.replace(/^.*\//, '').replace(/(\.\d+)?\.ctl$/, '');
}
