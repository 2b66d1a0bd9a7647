/** A private Open vSwitch with one bridge and two hosts, for tests that need a switch that forwards. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Datapath} from '../../lib/kernel/capabilities.ts';
import {turnTxChecksumOff} from '../../lib/kernel/ethtool.ts';
import {type Namespace, createNamespaces, deleteNamespaces, inside} from '../../lib/kernel/namespace.ts';
import type {Bridge} from '../../lib/kernel/openflow.ts';
import {Ovsdb} from '../../lib/kernel/ovsdb.ts';
import {run} from '../../lib/kernel/process.ts';
import {type OpenVswitch, startOpenVswitch} from '../../lib/network/open-vswitch.ts';

export type Fabric = {
	readonly fabric: Namespace;
	/** 10.9.0.1/24 and fd09::1/64 on eth0, port 1 of the bridge. */
	readonly h1: Namespace;
	/** 10.9.0.2/24 and fd09::2/64 on eth0, port 2 of the bridge. */
	readonly h2: Namespace;
	readonly openVswitch: OpenVswitch;
	readonly ovsdb: Ovsdb;
	readonly bridge: Bridge;
	readonly down: () => Promise<void>;
};

let count = 0;

/** Names come from the process, so that two test runs can live on one machine. */
export function testNamespaces(...roles: readonly string[]): Namespace[] {
	count++;
	return createNamespaces(roles.map(role => `t${process.pid}-${count}.${role}`));
}

export function testDirectory(): string {
	return mkdtempSync(join(tmpdir(), 'securenet-'));
}

/** @param failMode of the bridge `s1` @param datapath default: the one that labs take here */
export async function buildFabric(failMode: 'standalone' | 'secure', datapath?: Datapath): Promise<Fabric> {
	const namespaces = testNamespaces('fabric', 'h1', 'h2');
	const [fabric, h1, h2] = namespaces as [Namespace, Namespace, Namespace];
	const directory = testDirectory();
	const made: {openVswitch?: OpenVswitch; ovsdb?: Ovsdb} = {};
	const down = async () => {
		made.ovsdb?.close();
		await made.openVswitch?.stop();
		deleteNamespaces(namespaces);
		rmSync(directory, {recursive: true});
	};
	try {
		const openVswitch = made.openVswitch = await startOpenVswitch({namespace: fabric, directory, onStart: () => undefined});
		await connect(fabric, h1, 1);
		await connect(fabric, h2, 2);
		const ovsdb = made.ovsdb = await Ovsdb.connect(openVswitch.database);
		await ovsdb.addBridges([{name: 's1', datapathType: datapath ?? openVswitch.datapathType, failMode}]);
		await ovsdb.addPorts([{name: 's1', ports: [{name: 'p1', ofport: 1}, {name: 'p2', ofport: 2}]}]);
		return {fabric, h1, h2, openVswitch, ovsdb, bridge: {runDirectory: directory, name: 's1'}, down};
	} catch (error) {
		// A hook that fails has no context to take down.
		await down();
		throw error;
	}
}

async function connect(fabric: Namespace, host: Namespace, number: number): Promise<void> {
	const [port, address] = [`p${number}`, `9.0.${number}`];
	await run(['ip', 'link', 'add', port, 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.name], {namespace: fabric});
	const lines = ['link set lo up', 'link set eth0 up', `address add 10.${address}/24 dev eth0`, `address add fd09::${number}/64 dev eth0 nodad`];
	await run(['ip', '-batch', '-'], {namespace: host, input: lines.map(line => `${line}\n`).join('')});
	inside(host, () => {
		turnTxChecksumOff(['eth0']);
	});
}
