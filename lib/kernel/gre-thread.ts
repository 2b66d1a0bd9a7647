/** The thread that carries all GRE tunnels of an endpoint: no event loop stands between their devices and their sockets. */
import {type MessagePort, Worker} from 'node:worker_threads';
import type Koffi from 'koffi';
import {GreCarrier, type GreOrder, type GreParts} from './gre-carrier.ts';
import {type GreLayout, GreMemory, greLayout} from './gre-memory.ts';
import {GreMerger} from './gre-merger.ts';
import {GreReceiver} from './gre-receiver.ts';
import {GreSender} from './gre-sender.ts';

type Start = {
	/** Of this file, to find koffi from. */
	readonly from: string;
	readonly layout: GreLayout;
	readonly bell: number;
};

/**
Starts it. Orders are messages, each followed by a ring of the bell. It has to be told to end: a thread that waits in the kernel would keep the process from ending.

@param bell an eventfd
*/
export function startGreThread(bell: number): Worker {
	const parts = Object.entries({GreCarrier, GreMemory, GreMerger, GreReceiver, GreSender}).map(([name, part]) => `${name}: ${part.toString()}`);
	// Translators of TypeScript that this program was started with are not for that thread: it would wait for them. They put __name around what has a name.
	const program = `const __name = value => value; (${run.toString()})({${parts.join(', ')}});`;
	return new Worker(program, {eval: true, execArgv: [], workerData: {from: import.meta.url, layout: greLayout, bell} satisfies Start});
}

/** The thread's program, as text: it names nothing that stands outside of it. */
function run({GreCarrier: Carrier, ...parts}: GreParts & {readonly GreCarrier: typeof GreCarrier}): void {
	const thread = process.getBuiltinModule('node:worker_threads');
	const {createRequire} = process.getBuiltinModule('node:module');
	const {from, layout, bell} = thread.workerData as Start;
	const port = thread.parentPort as MessagePort;
	const carrier = new Carrier(parts, createRequire(from)('koffi') as typeof Koffi, layout, report => {
		port.postMessage(report);
	});
	carrier.run(bell, () => (thread.receiveMessageOnPort(port) as {readonly message: GreOrder} | undefined)?.message);
}
