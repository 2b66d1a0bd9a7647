/** What the machine holds that a lab could leave behind: compared before and after. */
import {readdirSync, readFileSync} from 'node:fs';
import {execa} from 'execa';
import {changedSettings} from '../../lib/network/host-settings.ts';
import {stateDirectory} from '../../lib/network/paths.ts';

export type Machine = {links: string[]; namespaces: string[]; directories: string[]; settings: unknown; sysctls: string[]};

/** @param lab other tests run at the same time, so only what bears this lab's name is counted, and the host's own interfaces */
export async function machine(lab: string): Promise<Machine> {
	const {stdout: links} = await execa('ip', ['-oneline', 'link']);
	const {stdout: namespaces} = await execa('ip', ['netns', 'list']);
	return {
		links: links.split('\n').map(line => line.split(': ')[1] ?? ''),
		namespaces: namespaces.split('\n').map(line => line.split(' ')[0] ?? '').filter(name => name.startsWith(`${lab}.`)),
		directories: readdirSync(stateDirectory).filter(name => name.startsWith(lab)),
		settings: changedSettings().filter(({labs}) => labs.includes(lab)),
		sysctls: ['net/ipv4/ip_forward', 'net/ipv4/conf/all/rp_filter'].map(name => readFileSync(`/proc/sys/${name}`, 'utf8')),
	};
}

/** Processes whose environment or arguments name the lab's run directory: its daemons. */
export function daemonsOf(lab: string): number[] {
	return readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).filter(pid => {
		try {
			const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
			return command.startsWith('ovs') && command.includes(`${stateDirectory}/${lab}/`);
		} catch {
			return false;
		}
	}).map(Number);
}
