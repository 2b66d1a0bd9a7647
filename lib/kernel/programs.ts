/** Where programs are found and which Debian package has one that is missing. Starts nothing. */
import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';
import {MachineError} from '../util/errors.ts';

/** A shell that became root by plain `su` does not look where Debian keeps iptables and Open vSwitch, so those places are added. */
const directories = [...new Set([...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'])].filter(Boolean);

/** `PATH` of every program that SecureNet starts. */
export const searchPath: string = directories.join(delimiter);

/** Debian package of every program that SecureNet starts, or that its prompt is made for. */
export const packages: Readonly<Record<string, string>> = {
	'conntrack': 'conntrack',
	'conntrackd': 'conntrackd',
	'gobgpd': 'gobgpd',
	'ip': 'iproute2',
	'ip6tables-restore': 'iptables',
	'ip6tables-save': 'iptables',
	'iperf3': 'iperf3',
	'ipset': 'ipset',
	'iptables-restore': 'iptables',
	'iptables-save': 'iptables',
	'mount': 'mount',
	'nc': 'netcat-openbsd',
	'nft': 'nftables',
	'ovs-appctl': 'openvswitch-switch',
	'ovs-ofctl': 'openvswitch-switch',
	'ovs-vsctl': 'openvswitch-switch',
	'ovs-vswitchd': 'openvswitch-switch',
	'ovsdb-server': 'openvswitch-switch',
	'ping': 'iputils-ping',
	'ssh': 'openssh-client',
	'ssh-keygen': 'openssh-client',
	'sshd': 'openssh-server',
	'tc': 'iproute2',
	'tcpdump': 'tcpdump',
	'unshare': 'util-linux',
};

/** Full path of a program, or undefined when no directory of the search path has it. */
export function findProgram(name: string): string | undefined {
	return directories.map(directory => join(directory, name)).find(isExecutable);
}

/**
Full path of a program of the machine. npx puts the programs of JavaScript packages first on the path, and one of them may have the same name.

@throws MachineError `missing-program`
*/
export function systemProgram(name: string): string {
	const file = directories.filter(directory => !directory.includes('node_modules')).map(directory => join(directory, name)).find(isExecutable);
	if (file === undefined) {
		throw missingProgram(name);
	}

	return file;
}

/** The error for a program that is not there: what to install. */
export function missingProgram(program: string): MachineError {
	return new MachineError('missing-program', `The program ${program} is missing. ${installHint(program)}`);
}

export function installHint(program: string): string {
	const name = packages[program];
	return name === undefined ? 'Install it, or write its full path.' : `Install it: apt-get install ${name}`;
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
