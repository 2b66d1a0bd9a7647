/** Runs one lab, SecureNet's or Mininet's, in a process of its own, and measures its life. */
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {execa} from 'execa';
import {Sentinel} from './sentinel.ts';

export type Kind = 'ovs' | 'bridge';
export type Program = 'securenet' | 'mininet';

export type Life = {
	/** Milliseconds until the first ping from the first to the last host has passed. */
	readonly up: number;
	/** Milliseconds until processes, namespaces and links are gone. */
	readonly down: number;
	/** Bytes of all processes of the lab. */
	readonly bytes: number;
	readonly processes: number;
	readonly hosts: number;
	readonly switches: number;
};

/** Debian's package is compared with where it is installed. */
export const programs: readonly Program[] = existsSync('/usr/bin/mn') ? ['securenet', 'mininet'] : ['securenet'];

/** Milliseconds after which a lab that does not come up, or does not go, ends the bench. */
const patience = 300_000;

type Event = {readonly event: 'begin' | 'ready' | 'leave' | 'gone'; readonly at: number} & Partial<Life>;

/** @throws ExecaError with what the lab's process wrote, when it fails */
export async function measure(program: Program, shape: string, kind: Kind): Promise<Life> {
	const sentinel = await Sentinel.post();
	try {
		const events = new Map<Event['event'], Event>();
		for await (const line of start(program, shape, kind)) {
			const event = JSON.parse(line) as Event;
			events.set(event.event, event);
			if (event.event === 'gone') {
				await sentinel.gone();
				events.set('gone', {event: 'gone', at: Number(process.hrtime.bigint()) / 1e6});
			}
		}

		const at = (event: Event['event']): number => events.get(event)?.at ?? NaN;
		const {bytes = 0, processes = 0, hosts = 0, switches = 0} = events.get('ready') ?? {};
		return {up: at('ready') - at('begin'), down: at('gone') - at('leave'), bytes, processes, hosts, switches};
	} finally {
		await sentinel.gone();
	}
}

function start(program: Program, shape: string, kind: Kind) {
	return program === 'mininet' ? startMininet(['up', shape, kind]) : execa('node', [bundle, shape, kind], {timeout: patience});
}

/**
Mininet works in the namespaces it finds itself in, and its clean-up knows no owner; so it gets some of its own.

@param words as mininet-lab.py takes them
*/
export function startMininet(words: readonly string[]) {
	const script = fileURLToPath(new URL('mininet-lab.py', import.meta.url));
	return execa('unshare', ['--net', '--pid', '--mount', '--fork', '--mount-proc', '--kill-child', '/usr/bin/python3', script, ...words], {timeout: patience});
}

/** As bin/securenet.js runs the program: bundled, without a translator in its memory. */
const bundle = fileURLToPath(new URL('../../node_modules/.cache/securenet-bench/lab.mjs', import.meta.url));
await build({
	entryPoints: [fileURLToPath(new URL('securenet-lab.ts', import.meta.url))],
	outfile: bundle,
	bundle: true,
	packages: 'external',
	format: 'esm',
	platform: 'node',
	target: 'node20',
	logLevel: 'error',
});
