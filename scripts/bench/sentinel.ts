/** Knows when the kernel has taken away every link of a lab: namespaces vanish by name at once, but their links only some time later. */
import {existsSync} from 'node:fs';
import {setTimeout} from 'node:timers/promises';
import {execa} from 'execa';
import {deleteNamespace} from '../../lib/kernel/namespace.ts';

/**
A namespace with one link to the host. The kernel empties the namespaces it is rid of in the order in which they were given up,
so when a sentinel that is let go last has lost its link, everything before it has lost its links too.
*/
export class Sentinel {
	readonly #name: string;

	private constructor(name: string) {
		this.#name = name;
	}

	static async post(): Promise<Sentinel> {
		const name = `bench-${process.pid}`;
		await execa('ip', ['netns', 'add', name]);
		await execa('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'sentinel', 'netns', name]);
		return new Sentinel(name);
	}

	/** Lets the sentinel go and waits until its link is gone. Twice is fine. */
	async gone(): Promise<void> {
		if (existsSync(`/run/netns/${this.#name}`)) {
			deleteNamespace(this.#name);
		}

		while (existsSync(`/sys/class/net/${this.#name}`)) {
			await setTimeout(1);
		}
	}
}
