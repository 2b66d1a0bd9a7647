/** Where labs keep their files, and what their namespaces are called. */
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';

export const stateDirectory = '/run/securenet';

export function labDirectory(lab: string): string {
	return `${stateDirectory}/${lab}`;
}

/** The namespace that holds a lab's switches. A node cannot have this name: names do not begin with a dash. */
export function fabricNamespace(lab: string): string {
	return `${lab}.-fabric`;
}

export function nodeNamespace(lab: string, node: string): string {
	return `${lab}.${node}`;
}

export function ovsDirectory(lab: string): string {
	return `${labDirectory(lab)}/ovs`;
}

/** Where the firewalls of a lab that tell each other their connections keep their files. */
export function syncDirectory(lab: string): string {
	return `${labDirectory(lab)}/sync`;
}

/** Where the SSH tunnels of a lab keep their keys, configurations and logs. */
export function tunnelDirectory(lab: string): string {
	return `${labDirectory(lab)}/ssh`;
}

/** What lets `ovs-vsctl` and `ovs-ofctl` find a lab's Open vSwitch. */
export function ovsEnvironment(lab: string): Record<string, string> {
	const directory = ovsDirectory(lab);
	return {OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory};
}

/** Leaves room for socket names within the 107 bytes of a Unix socket's path. */
const longestLabName = 40;

/** @throws InputError `lab-name` */
export function checkLabName(name: string): void {
	if (!/^[A-Za-z\d][\w-]*$/.test(name) || name.length > longestLabName) {
		throw new InputError('lab-name', `"${printable(name)}" cannot name a lab. Use up to ${longestLabName} letters, digits, "-" and "_", with --name.`);
	}
}
