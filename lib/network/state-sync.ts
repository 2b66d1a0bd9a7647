/** Firewalls that tell each other their connections: the links over which they do so, and a conntrackd at both ends of each. */
import {mkdirSync} from 'node:fs';
import type {Node} from '../node/node.ts';
import type {Blueprint} from '../topology/blueprint.ts';
import {syncAddresses} from '../topology/checks/state-sync.ts';
import {formatAddress} from '../util/address.ts';
import type {SecureNetError} from '../util/errors.ts';
import {type SyncPeer, startConntrackd} from './conntrackd.ts';
import type {ProcessRecord} from './journal.ts';

export type StateSyncOptions = {
	readonly blueprint: Blueprint;
	readonly node: (name: string) => Node;
	/** Where the daemons keep their files. */
	readonly directory: string;
	/** Called with each daemon as soon as it runs. */
	readonly started: (daemon: ProcessRecord) => void;
	/** Called when a daemon ends by itself. */
	readonly died: (error: SecureNetError) => void;
};

/** Starts the daemons; ending them is the sweep's. @throws as startConntrackd */
export async function startStateSync({blueprint, node, directory, started, died}: StateSyncOptions): Promise<void> {
	const peers = syncPeers(blueprint, node);
	if (peers.length > 0) {
		mkdirSync(directory, {recursive: true, mode: 0o700});
	}

	await Promise.all(peers.map(async peer => {
		const daemon = await startConntrackd(peer, directory, ({pid, startTime}) => {
			started({pid, startTime});
		});
		void daemon.died.then(died);
	}));
}

function syncPeers({links}: Blueprint, nodeOf: StateSyncOptions['node']): SyncPeer[] {
	return links.filter(({stateSync}) => stateSync === true).flatMap(({ends}) => {
		const addresses = syncAddresses(ends)?.map(({address}) => formatAddress(address)) ?? [];
		return ends.map(({node, name}, index) => ({
			node, namespace: nodeOf(node).namespace, interface: name, own: addresses[index] ?? '', other: addresses[1 - index] ?? '',
		}));
	});
}
