/** Names of ports: what a sentence asks of them, and those that are known without asking the machine. */
import type {PortProtocol} from './model.ts';

/** Who knows the names of ports, such as /etc/services. */
export type PortNames = {
	/** Undefined when nothing has this name. */
	numberOf(name: string, protocol: PortProtocol): number | undefined;
	/** Every name of a protocol's ports. */
	namesFor(protocol: PortProtocol): readonly string[];
};

const both: readonly PortProtocol[] = ['tcp', 'udp'];
const tcp: readonly PortProtocol[] = ['tcp'];
const udp: readonly PortProtocol[] = ['udp'];

/** Of the IANA registry of service names and port numbers. */
const known: ReadonlyMap<string, {readonly port: number; readonly protocols: readonly PortProtocol[]}> = new Map([
	['ftp', {port: 21, protocols: tcp}],
	['ssh', {port: 22, protocols: tcp}],
	['telnet', {port: 23, protocols: tcp}],
	['smtp', {port: 25, protocols: tcp}],
	['domain', {port: 53, protocols: both}],
	['bootps', {port: 67, protocols: udp}],
	['bootpc', {port: 68, protocols: udp}],
	['tftp', {port: 69, protocols: udp}],
	['http', {port: 80, protocols: tcp}],
	['pop3', {port: 110, protocols: tcp}],
	['ntp', {port: 123, protocols: udp}],
	['imap2', {port: 143, protocols: tcp}],
	['snmp', {port: 161, protocols: both}],
	['bgp', {port: 179, protocols: tcp}],
	['ldap', {port: 389, protocols: both}],
	['https', {port: 443, protocols: both}],
	['syslog', {port: 514, protocols: udp}],
	['imaps', {port: 993, protocols: tcp}],
	['mysql', {port: 3306, protocols: tcp}],
	['postgresql', {port: 5432, protocols: tcp}],
	['http-alt', {port: 8080, protocols: both}],
]);

export const knownPorts: PortNames = {
	numberOf(name, protocol) {
		const entry = known.get(name);
		return entry?.protocols.includes(protocol) ? entry.port : undefined;
	},
	namesFor(protocol) {
		return [...known].filter(([, {protocols}]) => protocols.includes(protocol)).map(([name]) => name);
	},
};
