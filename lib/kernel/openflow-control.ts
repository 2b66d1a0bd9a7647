/** The control socket of ovs-vswitchd, and how to be asking there when flows have just changed. */
import {JsonRpc} from './jsonrpc.ts';
import {type Bridge, switchControl} from './openflow.ts';

/**
Takes the daemon a moment, longer the more ports there are, and says little. In each turn of its loop the daemon looks at every
userspace port, some 7 ms for 1,000 of them, then reads what its switches are told, and then its control socket: what is asked
once flows have changed waits for a whole turn, unless the daemon is still busy at that socket.
*/
const moment = 'dpctl/ct-get-nconns';
/** As many as last until their program has heard of the change and asks: some 4 ms with 1,000 ports. */
const moments = 3;

export class SwitchControl {
	readonly #socket: string;
	/** Where the daemon is kept busy. */
	#busy: Promise<JsonRpc> | undefined;

	constructor(bridge: Pick<Bridge, 'runDirectory'>) {
		this.#socket = switchControl(bridge);
	}

	/** Flows are changed now, and `ask` follows: the daemon is to wait for it at the end of that turn. Nothing but time depends on whether it does. */
	expect(): void {
		if (this.#busy) {
			return;
		}

		const busy = this.#connect();
		this.#busy = busy;
		busy.then(async control => Promise.allSettled(Array.from({length: moments}, async () => control.call(moment, []))), () => undefined).finally(() => {
			if (this.#busy === busy) {
				this.#busy = undefined;
				busy.then(control => {
					control.close();
				}, () => undefined);
			}
		});
	}

	/**
	Commands without arguments, sent together and done in their order.
	Equivalent to: `ovs-appctl --target=SOCKET COMMAND`, once a command

	@param timeout milliseconds for each
	@returns the answers
	@throws RpcError with the daemon's words when it refuses one
	*/
	async ask(commands: readonly string[], timeout?: number): Promise<string[]> {
		const busy = this.#busy;
		this.#busy = undefined;
		using control = await (busy ?? this.#connect());
		return (await Promise.all(commands.map(async command => control.call(command, [], timeout)))).map(String);
	}

	async #connect(): Promise<JsonRpc> {
		return JsonRpc.connect(this.#socket, 'ovs-vswitchd');
	}
}
