/** What the search is told on the command line. */
import {parseArgs} from 'node:util';
import {firewallNames} from '../../lib/topology/firewalls.ts';
import {InputError} from '../../lib/util/errors.ts';
import {nearestTo} from '../../lib/util/names.ts';

export type Options = {
	/** Every run with one seed tries the same policies and packets, in the same order. */
	readonly seed: number;
	/** Infinity: until Ctrl-C. */
	readonly minutes: number;
	/** Names of drivers; empty: all. */
	readonly drivers: readonly string[];
	/** Real networks too. */
	readonly live: boolean;
	/** Counterexamples to look at instead. */
	readonly replay: readonly string[];
};

export const usage = `Usage: scripts/fuzz-policy [--seed N] [--minutes N] [--driver NAME]… [--live] [--replay FILE]…
Drivers: ${firewallNames.join(', ')}. Without --minutes it goes on until Ctrl-C. --live takes root.`;

/** @throws InputError `usage`, `unknown-firewall` */
export function readOptions(args: readonly string[]): Options {
	const {values} = parsed(args);
	for (const name of values.driver) {
		if (!(firewallNames as readonly string[]).includes(name)) {
			throw new InputError('unknown-firewall', `There is no driver "${name}".${nearestTo(name, firewallNames).hint}\n${usage}`);
		}
	}

	if (values.live && process.getuid?.() !== 0) {
		throw new InputError('usage', '--live makes networks, which takes root: start it with sudo, or leave --live out.');
	}

	return {
		seed: numberOf('seed', values.seed, Math.floor(Math.random() * 2 ** 31)),
		minutes: numberOf('minutes', values.minutes, Infinity),
		drivers: values.driver, live: values.live, replay: values.replay,
	};
}

function parsed(args: readonly string[]) {
	try {
		return parseArgs({args: [...args], options: {
			seed: {type: 'string'}, minutes: {type: 'string'}, driver: {type: 'string', multiple: true, default: []}, live: {type: 'boolean', default: false},
			replay: {type: 'string', multiple: true, default: []},
		}});
	} catch (error) {
		throw new InputError('usage', `${error instanceof Error ? error.message : ''}\n${usage}`, {}, {cause: error});
	}
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
	const number = text === undefined ? otherwise : Number(text);
	if (!(number >= 0)) {
		throw new InputError('usage', `--${name} takes a number, not "${text ?? ''}".\n${usage}`);
	}

	return number;
}
