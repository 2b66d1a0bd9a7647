/** `NODE set …`: what a host or router does with packets that are not its own, read and changed. */
import type {Node} from '../node/node.ts';
import type {NodeSettings} from '../node/settings.ts';
import type {Reader} from '../policy/reader.ts';
import {reversePathFilters} from '../topology/routing-options.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';
import {type Station, optionalInterface, pointedAt, stationKinds, takeInterface, takeNumber, takeStation} from './station-words.ts';

/** As the kernel has them afterwards. */
export type SetResult = NodeSettings & {
	readonly node: string;
	/** The setting that was asked for or changed by name. */
	readonly sysctl?: {readonly name: string; readonly value: string};
	/** Whether the line changed something, or asked only. */
	readonly changed: boolean;
};

type Deed = {
	readonly changes: boolean;
	/** Column of the word that names what is changed. */
	readonly column: number;
	readonly sysctl?: string;
	readonly work: (node: Node) => void;
};

type Input = {readonly node: string; readonly deed: Deed};

const words = ['forward', 'forward6', 'proxyArp', 'proxyNdp', 'rpFilter', 'mtu', 'sysctl'] as const;
const switches = ['on', 'off'] as const;
/** Bytes: ETH_MIN_MTU of linux/if_ether.h, and what fits an IPv4 packet. */
const mtuRange = {least: 68, most: 65_535} as const;

export const setCommand: Command<Input, SetResult> = {
	name: 'NODE set',
	usage: 'NODE set [forward|forward6 on|off | proxyArp|proxyNdp on|off [INTERFACE] | rpFilter off|strict|loose [INTERFACE] | mtu BYTES INTERFACE | sysctl NAME [VALUE]]',
	kinds: stationKinds,
	summary: 'what a host or router does with packets of others; alone: as its kernel has it',
	details: [
		'forward: passes packets of IPv4 on (forward6: of IPv6). proxyArp: answers ARP for addresses that are routed out of another interface, as soon as it forwards; proxyNdp: the same of IPv6, for routes of single addresses.',
		'rpFilter: drops packets whose source is routed out of another interface (strict), or nowhere (loose). Without INTERFACE all are meant, those to come included.',
		'mtu is of this end of the link only. sysctl: any kernel setting of the node, such as net/ipv4/tcp_syncookies; without VALUE it is read.',
	].join('\n'),
	read(reader, scene) {
		const station = takeStation(reader, scene);
		const deed = reader.more(() => words) ? readDeed(reader, station) : asking;
		reader.finish();
		return {node: station.name, deed};
	},
	async run(lab, {node: name, deed}) {
		const node = lab.node(name);
		pointedAt(deed.column, () => {
			deed.work(node);
		});
		const sysctl = deed.sysctl === undefined ? {} : {sysctl: {name: deed.sysctl, value: pointedAt(deed.column, () => node.sysctl(deed.sysctl ?? ''))}};
		return Promise.resolve({node: name, ...node.settings(), ...sysctl, changed: deed.changes});
	},
	text(result) {
		const {sysctl, changed} = result;
		return changed ? '' : sysctl ? `${sysctl.name} = ${sysctl.value}` : settingsText(result);
	},
};

const asking: Deed = {changes: false, column: 1, work: () => undefined};

function readDeed(reader: Reader, station: Station): Deed {
	const word = reader.oneOf(words);
	switch (word) {
		case 'forward':
		case 'forward6': {
			const {column, on} = takeSwitch(reader);
			return {changes: true, column, work: node => {
				node.setForwarding(on, word === 'forward' ? 4 : 6);
			}};
		}

		case 'proxyArp':
		case 'proxyNdp': {
			const {on} = takeSwitch(reader);
			const name = optionalInterface(reader, station);
			return {changes: true, column: reader.column, work: node => {
				node[word === 'proxyArp' ? 'setProxyArp' : 'setProxyNdp'](on, name);
			}};
		}

		case 'rpFilter': {
			const filter = reader.oneOf(reversePathFilters);
			const name = optionalInterface(reader, station);
			return {changes: true, column: reader.column, work: node => {
				node.setReversePathFilter(filter, name);
			}};
		}

		case 'mtu': {
			const bytes = takeNumber(reader, 'number of bytes', mtuRange.least, mtuRange.most);
			const {column} = reader;
			const name = takeInterface(reader, station).text;
			return {changes: true, column, work: node => {
				node.setMtu(bytes, name);
			}};
		}

		case 'sysctl': {
			return readSysctl(reader);
		}
	}
}

/** What is left of the line is the value: some settings take several words. */
function readSysctl(reader: Reader): Deed {
	const {text: name, column} = reader.take(['setting'], () => []);
	const values: string[] = [];
	while (reader.more(() => [])) {
		values.push(reader.take(['value'], () => []).text);
	}

	return {changes: values.length > 0, column, sysctl: name, work: node => {
		if (values.length > 0) {
			node.setSysctl(name, values.join(' '));
		}
	}};
}

function takeSwitch(reader: Reader): {readonly on: boolean; readonly column: number} {
	const on = reader.oneOf(switches) === 'on';
	return {on, column: reader.column};
}

function settingsText({forwarding, forwarding6, interfaces}: NodeSettings): string {
	const word = (on: boolean | undefined) => on === undefined ? '-' : on ? 'on' : 'off';
	return [
		columns([['forward', word(forwarding)], ['forward6', word(forwarding6)]]),
		columns([['interface', 'proxyArp', 'proxyNdp', 'rpFilter', 'mtu'], ...interfaces.map(({name, proxyArp, proxyNdp, rpFilter, mtu}) => [name, word(proxyArp), word(proxyNdp), rpFilter, String(mtu)])]),
	].join('\n');
}
