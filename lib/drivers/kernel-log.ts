/** What rules with `log` report in the kernel: of a perimeter router, and of a bridge among those that share a namespace. */
import {interfaceIndex} from '../kernel/interface-index.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {LogReader, type LoggedPacket} from '../kernel/nflog.ts';
import {type LogReport, logGroup} from './driver.ts';

/** Milliseconds between two looks: a timer keeps no program from ending, and no thread waiting. */
const pause = 50;

type Listener = (packet: LoggedPacket) => void;

/** The group of a namespace has one reader. */
type Shared = {readonly listeners: Set<Listener>; readonly look: () => void; readonly close: () => void};

const open = new WeakMap<Namespace, Shared>();

/**
Tells the reports of a namespace, or of one bridge in it, until the returned function is called.

@throws KernelError EPERM when another program reads them
*/
export function watchKernelLog(namespace: Namespace, tell: (report: LogReport) => void, bridge?: string): () => void {
	const index = bridge === undefined ? undefined : interfaceIndex(namespace, bridge);
	const shared = open.get(namespace) ?? read(namespace);
	const listener = ({prefix, packet, interface: from}: LoggedPacket) => {
		const [, rule] = /^secrule:(\d+)$/.exec(prefix) ?? [];
		if (rule !== undefined && (index === undefined || index === from)) {
			tell({rule: Number(rule), packet});
		}
	};

	shared.listeners.add(listener);
	return () => {
		shared.look();
		shared.listeners.delete(listener);
		if (shared.listeners.size === 0) {
			shared.close();
		}
	};
}

function read(namespace: Namespace): Shared {
	const reader = new LogReader(namespace, logGroup);
	const listeners = new Set<Listener>();
	let isTold = false;
	const look = () => {
		for (const packet of reader.read()) {
			listeners.forEach(listener => {
				listener(packet);
			});
		}

		if (reader.lost > 0 && !isTold) {
			isTold = true;
			process.emitWarning(`More packets are logged in ${namespace.name} than can be read: the kernel has dropped reports. secrule log does not show all; counts are right.`);
		}
	};

	const timer = setInterval(look, pause).unref();
	const close = () => {
		clearInterval(timer);
		reader.close();
		open.delete(namespace);
	};

	const shared = {listeners, look, close};
	open.set(namespace, shared);
	return shared;
}
