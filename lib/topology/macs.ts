/** MAC addresses: those of the file are read, the others tell the interface's first IPv4 address or are counted. No two are equal unless the file says so. */
import {type Address, type Mac, macBytes, macFromNumber, tryParseMac} from '../util/address.ts';
import {printable} from '../util/names.ts';
import type {Problems} from '../util/problems.ts';
import type {Addresses} from './addresses.ts';
import type {InterfaceDraft} from './interfaces.ts';

/** Counted MACs lie above those that hold an IPv4 address: 02:01:00:00:00:01 and on. */
const firstCounted = 2 ** 32 + 1;

export function assignMacs(drafts: readonly InterfaceDraft[], addresses: Addresses, problems: Problems): Map<InterfaceDraft, Mac> {
	const macs = readMacs(drafts, problems);
	const taken = new Set(macs.values());
	let counted = firstCounted;
	for (const draft of drafts.filter(each => !macs.has(each))) {
		let mac = fromAddress(addresses.get(draft)?.find(({address}) => address.family === 4)?.address);
		while (mac === undefined || taken.has(mac)) {
			mac = macFromNumber(counted++);
		}

		macs.set(draft, mac);
		taken.add(mac);
	}

	return macs;
}

/** 10.0.0.1 → 02:00:0a:00:00:01. */
function fromAddress(address: Address | undefined): Mac | undefined {
	return address && macFromNumber(Number(address.value));
}

function readMacs(drafts: readonly InterfaceDraft[], problems: Problems): Map<InterfaceDraft, Mac> {
	const macs = new Map<InterfaceDraft, Mac>();
	for (const draft of drafts) {
		if (draft.assigned) {
			macs.set(draft, draft.assigned.mac);
			continue;
		}

		const text = draft.options.mac;
		const mac = text === undefined ? undefined : tryParseMac(text);
		if (mac !== undefined && isUnicast(mac)) {
			macs.set(draft, mac);
		} else if (text !== undefined) {
			problems.add(draft.node.name, `the MAC "${printable(text)}" of ${draft.name} ${mac ? 'is no address of a single interface' : 'cannot be read'}`, 'Write six bytes, the first one even, like 02:00:00:00:00:01');
		}
	}

	return macs;
}

/** The lowest bit of the first byte marks a group (IEEE 802); the kernel refuses it and the zero address. */
function isUnicast(mac: Mac): boolean {
	const bytes = macBytes(mac);
	return ((bytes[0] ?? 0) & 1) === 0 && bytes.some(byte => byte !== 0);
}
