/** The BGP daemons of a lab as processes. */
import {readFileSync, readdirSync} from 'node:fs';
import type {Lab} from '../../lib/index.ts';

/** Ids of those that run for a router; one, when all is well. */
export function gobgpsOf(lab: Lab, router: string): number[] {
	const socket = `${lab.network.directory}/bgp/${router}.sock`;
	return readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).filter(entry => {
		try {
			return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(socket);
		} catch {
			return false;
		}
	}).map(Number);
}
