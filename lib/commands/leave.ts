/** `NODE leave`: a host goes from its edge router, and all the others forget the way to it. */
import {formatAddress} from '../util/address.ts';
import type {Command} from './command.ts';
import {spreadText} from './join.ts';
import {takeNode} from './reading.ts';

export type LeaveResult = {
	readonly host: string;
	/** Where it was. */
	readonly router: string;
	readonly addresses: readonly string[];
	/** Edge routers that had not heard of it within 5 s. */
	readonly unaware: readonly string[];
	/** Milliseconds until all others had. */
	readonly time: number;
};

export const leaveCommand: Command<{host: string}, LeaveResult> = {
	name: 'NODE leave',
	usage: 'NODE leave',
	kinds: ['host'],
	summary: 'take a host away from its edge router, and let all the others forget it',
	details: 'The link goes that it got by joining; one that the topology gave it stays. It keeps its addresses.',
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		reader.finish();
		return {host};
	},
	async run(lab, {host}) {
		const {left: [place], unaware, time} = await lab.leave(host);
		return {host, router: place?.router ?? '', addresses: place?.addresses.map(formatAddress) ?? [], unaware, time};
	},
	text: ({host, router, addresses, unaware, time}) => `${host} left ${router}: ${addresses.join(', ')}${spreadText(unaware, time)}`,
};
