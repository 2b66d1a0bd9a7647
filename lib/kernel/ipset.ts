/** Address sets of a namespace: made, filled and read by ipset(8), changed in single elements by netlink. */
import {type Prefix, addressBytes, formatPrefix} from '../util/address.ts';
import {RulesError} from './iptables.ts';
import type {Namespace} from './namespace.ts';
import {NETLINK_NETFILTER, NLA_F_NESTED, NLA_F_NET_BYTEORDER, writeHeader} from './nfnetlink.ts';
import {ProgramError, run} from './process.ts';
import {type Request, Rtnetlink, RtnetlinkError, type RtnetlinkFailure} from './rtnetlink.ts';

/** Milliseconds; 10,000 members take 0.1 s on an idle machine. */
const timeout = 30_000;

/**
Changes sets, one line after the other. This is no transaction: lines before a refused one have taken effect.
Equivalent to: `ip netns exec NAMESPACE ipset restore`

@param lines such as `create NAME hash:net family inet`, `add NAME 10.0.0.0/8`, `swap A B`, `destroy NAME`
@throws RulesError with the refused line
*/
export async function restoreSets(namespace: Namespace, lines: readonly string[]): Promise<void> {
	try {
		await run(['ipset', 'restore'], {namespace, input: lines.map(line => `${line}\n`).join(''), timeout});
	} catch (error) {
		throw error instanceof ProgramError && error.stderr !== '' ? setsError(namespace, lines, error) : error;
	}
}

/** All sets with their members, as lines for `restoreSets`. Equivalent to: `ip netns exec NAMESPACE ipset save` */
export async function saveSets(namespace: Namespace): Promise<string[]> {
	const {stdout} = await run(['ipset', 'save'], {namespace, timeout});
	return stdout.split('\n').filter(line => line !== '');
}

function setsError({name}: Namespace, lines: readonly string[], error: ProgramError): RulesError {
	const [, line, words] = /Error in line (\d+): ([^]*)/.exec(error.stderr) ?? [];
	return new RulesError('ipset', name, line === undefined ? undefined : lines[Number(line) - 1], (words ?? error.stderr).trim().replace(/^ipset v\S+ /, ''), {cause: error});
}

/** One element more or less in an ipset of type hash:net or hash:ip. */
export type ElementChange = {readonly command: 'add' | 'del'; readonly set: string; readonly prefix: Prefix};
export type RefusedChange = ElementChange & {readonly errno: string; readonly reason: string};

/** Elements that the kernel refused to add or delete. All others of the batch have changed. */
export class ElementsError extends RulesError {
	override name = 'ElementsError';
	readonly failures: readonly RefusedChange[];

	constructor(place: string, failures: readonly [RefusedChange, ...RefusedChange[]], options?: ErrorOptions) {
		const [first, ...others] = failures;
		super('ipset', place, lineOf(first), `${first.reason} (${first.errno})${others.length === 0 ? '' : `; and ${others.length} more`}`, options);
		this.failures = failures;
	}
}

/** Message types of linux/netfilter/ipset/ip_set.h: subsystem 6, and the command. */
const messages = {add: 0x6_09, del: 0x6_0A} as const;
/** Every kernel takes it for these commands; 7 changed others. */
const protocolVersion = 6;
/** Attributes of the same file. */
const attribute = {protocol: 1, setName: 2, data: 7 | NLA_F_NESTED, ip: 1 | NLA_F_NESTED, length: 3, address: {4: 1 | NLA_F_NET_BYTEORDER, 6: 2 | NLA_F_NET_BYTEORDER}} as const;

/**
Adds and deletes elements, one after the other in this order, all in one send.
To add what is there, or to delete what is not, is fine. This is no transaction: what comes after a refused change takes effect.
Equivalent to: `ip netns exec NAMESPACE ipset restore -exist`, without the 10 ms that a program start takes

@param changes of the set's family; for hash:net no prefix of length zero, for hash:ip single addresses only: of an IPv4 prefix the kernel would take every address by itself, and two thousand million of them keep it busy for minutes
@throws ElementsError with every refused change
*/
export function changeElements(namespace: Namespace, changes: readonly ElementChange[]): void {
	using netfilter = new Rtnetlink(namespace, undefined, NETLINK_NETFILTER);
	for (const change of changes) {
		netfilter.add(messages[change.command], 0, {operation: 'change set', object: lineOf(change)}, request => {
			writeElement(request, change);
		});
	}

	try {
		netfilter.flush();
	} catch (error) {
		throw error instanceof RtnetlinkError ? elementsError(namespace, changes, error) : error;
	}
}

/** Without NLM_F_EXCL in its header a request means `-exist`. */
function writeElement(request: Request, {set, prefix}: ElementChange): void {
	writeHeader(request, prefix.family);
	request.attribute(attribute.protocol, Uint8Array.of(protocolVersion)).attribute(attribute.setName, set);
	request.nested(attribute.data, () => {
		request.nested(attribute.ip, () => {
			request.attribute(attribute.address[prefix.family], addressBytes(prefix));
		});
		request.attribute(attribute.length, Uint8Array.of(prefix.length));
	});
}

/** As ipset(8) reads it. */
function lineOf({command, set, prefix}: ElementChange): string {
	return `${command} ${set} ${formatPrefix(prefix)}`;
}

/** Errnos that ipset has for itself (enum ipset_errno, and the first of ip_set_hash.h), and what they mean for an element. */
const privateErrnos: ReadonlyMap<number, readonly [errno: string, meaning: string]> = new Map([
	[4097, ['IPSET_ERR_PROTOCOL', 'the set does not hold elements of this family or kind']],
	[4104, ['IPSET_ERR_INVALID_CIDR', 'the set takes no prefix of this length; write it as several longer ones']],
	[4352, ['IPSET_ERR_HASH_FULL', 'the set is full; make it again with a greater maxelem']],
	[4353, ['IPSET_ERR_HASH_ELEM', 'the set does not take this address']],
]);
const meanings: Readonly<Record<string, string>> = {
	ENOENT: 'there is no set of this name; create it first',
	EPERM: 'only root may change sets',
	ENOMEM: 'the kernel has no memory for it',
};

function elementsError({name}: Namespace, changes: readonly ElementChange[], error: RtnetlinkError): Error {
	const byLine = new Map(changes.map(change => [lineOf(change), change]));
	const [first, ...others] = error.failures.flatMap(failure => {
		const change = byLine.get(failure.object);
		return change ? [{...change, ...meaningOf(failure)}] : [];
	});
	return first ? new ElementsError(name, [first, ...others], {cause: error}) : error;
}

function meaningOf({code, errno, reason}: RtnetlinkFailure): {errno: string; reason: string} {
	const [name, meaning] = privateErrnos.get(code) ?? [errno, meanings[errno] ?? 'the kernel does not say why'];
	return {errno: name, reason: reason ?? meaning};
}
