/** Commands to a running Open vSwitch daemon over its control socket, as ovs-appctl(8) gives them, without starting a program. */
import {JsonRpc} from './jsonrpc.ts';

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
Many calls of one command over one connection: all are sent at once, the daemon answers in order.
An answer that is an error does not stop the others.
*/
export async function unixctlAll(socket: string, command: string, argumentLists: ReadonlyArray<readonly string[]>): Promise<Array<PromiseSettledResult<string>>> {
	using control = await JsonRpc.connect(socket, peerOf(socket));
	return await Promise.allSettled(argumentLists.map(async args => call(control, command, args)));
}

async function call(control: JsonRpc, command: string, args: readonly string[], timeout?: number): Promise<string> {
	return String(await control.call(command, args, timeout));
}

/** The socket `…/ovs-vswitchd.ctl` belongs to ovs-vswitchd. */
function peerOf(socket: string): string {
	return socket.replace(/^.*\//, '').replace(/(\.\d+)?\.ctl$/, '');
}
