/** `exec LAB NODE -- COMMAND …`: runs a program in a node of a lab that another terminal started. */
import {isatty} from 'node:tty';
import {requireCapabilities} from '../kernel/capabilities.ts';
import {closeNamespace, openNamespace} from '../kernel/namespace.ts';
import {type Output, execute} from '../kernel/process.ts';
import {labRecord} from '../network/journal.ts';
import {ovsEnvironment} from '../network/paths.ts';
import {InputError} from '../util/errors.ts';
import {unknownName} from '../util/names.ts';

/**
The program has this process's standard input, output and error; what is returned beside its exit status is only
what could not be said there, such as that there is no such program.

@throws InputError `unknown-running-lab`, `unknown-node`, `usage`
*/
export async function execInNode(lab: string, node: string, argv: readonly string[]): Promise<Output> {
	if (argv.length === 0) {
		throw new InputError('usage', 'Which command? Write: securenet exec LAB NODE -- COMMAND …', {expected: ['--']});
	}

	requireCapabilities(['root']);
	const {name, namespaces} = labRecord(lab);
	const known = Object.keys(namespaces).filter(each => !each.startsWith('-'));
	if (!known.includes(node)) {
		throw unknownName('host or router', node, known);
	}

	const namespace = openNamespace(namespaces[node] ?? '');
	const output = await execute(argv, {namespace, stdin: 'inherit', stdout: 'inherit', env: ovsEnvironment(name), signal: endingSignal()});
	closeNamespace(namespace);
	return output;
}

/** A terminal's Ctrl-C and Ctrl-\ reach the program by itself, and the program decides what they mean; other signals are passed on. */
function endingSignal(): AbortSignal {
	const controller = new AbortController();
	for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const) {
		process.on(signal, () => {
			if (!['SIGINT', 'SIGQUIT'].includes(signal) || !isatty(0)) {
				controller.abort();
			}
		});
	}

	return controller.signal;
}
