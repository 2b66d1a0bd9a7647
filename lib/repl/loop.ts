/** The prompt at a terminal. */
import {on} from 'node:events';
import {type Interface, createInterface} from 'node:readline';
import {runLine} from '../commands/run-line.ts';
import type {Lab} from '../lab.ts';
import {complete} from './complete.ts';
import {showEvents} from './events.ts';
import {appendHistory, historyFile, historySize, readHistory} from './history.ts';
import {paintFor} from './paint.ts';
import {Printer, prompt} from './printer.ts';
import type {Signals} from './signals.ts';

/** Reads and runs lines until the user or a signal asks to leave. */
export async function runLoop(lab: Lab, signals: Signals): Promise<void> {
	const file = historyFile();
	const reader = openReader(lab, file, signals.leaving);
	const printer = new Printer();
	signals.keysLeave = false;
	leaveWithTerminal(reader, signals);
	handleCtrlC(reader);
	// Lines that are pasted together are shown together, before the first of them runs; so each later one is shown again where it runs.
	let waiting = 0;
	const unwatch = showEvents(lab, () => {
		// A prompt would take the keys from the program that runs; it comes when that has ended.
		if (waiting === 0) {
			reader.prompt(true);
		}
	});
	let again = false;
	reader.on('line', () => {
		waiting++;
	});
	process.stdout.write(`${paintFor(process.stdout).aside('help lists the commands, Tab completes, exit takes the lab down')}\n`);
	reader.prompt();
	try {
		for await (const [line] of on(reader, 'line', {close: ['close']}) as AsyncIterable<[string]>) {
			process.stdout.write(again ? `${prompt}${line}\n` : '');
			appendHistory(file, line);
			if (await runTyped(lab, line, reader, printer, signals)) {
				break;
			}

			waiting--;
			again = waiting > 0;
			if (!again) {
				reader.prompt();
			}
		}
	} catch (error) {
		if (!signals.leaving.aborted) {
			throw error;
		}
	} finally {
		unwatch();
		reader.close();
	}
}

/** Whoever closes the window takes the lab down. What the terminal says of it, at each touch, comes before or after SIGHUP, and must not end the program first. */
function leaveWithTerminal(reader: Interface, signals: Signals): void {
	for (const source of [process.stdin, reader]) {
		source.on('error', () => {
			signals.hangUp();
		});
	}
}

function openReader(lab: Lab, file: string, leaving: AbortSignal): Interface {
	return createInterface({
		input: process.stdin,
		output: process.stdout,
		prompt,
		terminal: true,
		completer: (line: string) => complete(lab, line),
		history: readHistory(file),
		historySize,
		removeHistoryDuplicates: true,
		signal: leaving,
	});
}

/** Returns whether to leave. While the line runs, the terminal is as we found it, so that programs can have it. */
async function runTyped(lab: Lab, line: string, reader: Interface, printer: Printer, signals: Signals): Promise<boolean> {
	reader.pause();
	process.stdin.setRawMode(false);
	const result = await signals.interruptible(async signal => runLine(lab, line, {signal, leaving: signals.leaving, terminal: true, report: printer.print.bind(printer), show: printer.show.bind(printer)}));
	if (result) {
		printer.print(result);
		if (result.text === '') {
			printer.explain(result);
		}
	}

	if (!signals.leaving.aborted) {
		process.stdin.setRawMode(true);
		reader.resume();
	}

	return signals.leaving.aborted || (result?.leaves ?? false);
}

/** Ctrl-C clears what is typed; at the empty prompt the first one says how to leave, the second one leaves. */
function handleCtrlC(reader: Interface): void {
	let warned = false;
	reader.on('line', () => {
		warned = false;
	});
	reader.on('SIGINT', () => {
		if (reader.line !== '') {
			reader.write(null, {ctrl: true, name: 'e'});
			process.stdout.write('^C\n');
			reader.write(null, {ctrl: true, name: 'u'});
		} else if (warned) {
			reader.close();
		} else {
			warned = true;
			process.stdout.write('\nCtrl-C again, Ctrl-D or exit takes the lab down.\n');
			reader.prompt();
		}
	});
	reader.on('close', () => {
		process.stdout.write('\n');
	});
}
