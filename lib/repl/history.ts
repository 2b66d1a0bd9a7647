/** The lines of earlier sessions, kept in a file of the user's state directory. Without one that can be written there is just no history. */
import {appendFileSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {homedir} from 'node:os';
import {dirname, join} from 'node:path';

/** Lines that are remembered. */
export const historySize = 1000;

/** As the XDG Base Directory Specification has it: XDG_STATE_HOME, by default ~/.local/state. */
export function historyFile(): string {
	return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'securenet/history');
}

/** Newest first, as node:readline wants it. Shortens the file when it has grown to twice the size. */
export function readHistory(file: string): string[] {
	try {
		const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
		const latest = lines.slice(-historySize);
		if (lines.length > 2 * historySize) {
			writeFileSync(file, `${latest.join('\n')}\n`, {mode: 0o600});
		}

		return latest.reverse();
	} catch {
		return [];
	}
}

/** Blank lines are not kept. */
export function appendHistory(file: string, line: string): void {
	if (line.trim() === '') {
		return;
	}

	try {
		mkdirSync(dirname(file), {recursive: true, mode: 0o700});
		appendFileSync(file, `${line}\n`, {mode: 0o600});
	} catch {
		// A read-only home directory must not disturb the session.
	}
}
