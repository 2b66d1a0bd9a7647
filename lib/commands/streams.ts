/** What a program that a line starts gets as its streams, and what ends it. */
import type {ExecuteOptions} from '../kernel/process.ts';
import type {Io} from './command.ts';

/**
At a terminal the program has the terminal: Ctrl-C reaches it without us, and it alone decides what that means; we end it only
when the session ends. Elsewhere what it prints is the line's result, and it reads nothing.
*/
export function streamsFor({signal, leaving, terminal}: Io): Pick<ExecuteOptions, 'stdin' | 'stdout' | 'signal'> {
	return terminal ? {stdin: 'inherit', stdout: 'inherit', signal: leaving} : {signal};
}
