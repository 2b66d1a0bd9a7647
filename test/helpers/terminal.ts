/** A terminal that a test types into and reads from: a tmux server of its own. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {execa} from 'execa';
import {uniqueName} from './names.ts';
import {longPatience} from './patience.ts';

/** Variables by which whoever runs the tests chooses colours: what the terminal shows must not depend on them. */
const colourChoices = {CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, COLORTERM: undefined};

export class Terminal {
	readonly #socket = uniqueName();
	readonly #state = mkdtempSync(join(tmpdir(), 'securenet-'));

	/** Starts a command; when it ends the screen stays and shows its exit status, which tmux itself sometimes never learns. */
	async start(argv: readonly string[]): Promise<void> {
		await this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '150', '-y', '50', '-e', `XDG_STATE_HOME=${this.#state}`, 'sleep 600');
		await this.#tmux('respawn-pane', '-k', 'sh', '-c', 'trap : INT QUIT; "$@"; echo "exit status $?"; exec sleep 600', 'sh', ...argv);
	}

	/** Types text as it stands. */
	async type(text: string): Promise<void> {
		await this.#tmux('send-keys', '-l', text);
	}

	/** Presses keys by tmux's names, such as `C-c`, `Tab`, `Enter`. */
	async press(...keys: readonly string[]): Promise<void> {
		await this.#tmux('send-keys', ...keys);
	}

	/** Types a line and Enter. */
	async line(text: string): Promise<void> {
		await this.type(text);
		await this.press('Enter');
	}

	/** The screen, lines above it included, without the empty lines at its end. @param escapes keep colours */
	async screen({escapes = false} = {}): Promise<string> {
		return (await this.#tmux('capture-pane', '-p', '-S', '-', ...escapes ? ['-e'] : [])).trimEnd();
	}

	/** Waits until the screen matches, then returns it. @param key pressed again and again until then */
	async shows(pattern: RegExp, key?: string): Promise<string> {
		let screen = '';
		await this.#until(async () => {
			screen = await this.screen();
			const shown = pattern.test(screen);
			if (!shown && key !== undefined) {
				await this.press(key);
			}

			return shown;
		}, `The screen never showed ${pattern.source}`);
		return screen;
	}

	/** Empties the screen but for the prompt that stands there, so that `shows` sees only what comes now. */
	async clear(): Promise<void> {
		await this.press('C-l');
		await this.#until(async () => (await this.#tmux('capture-pane', '-p')).trimEnd() === 'securenet>', 'The screen was never cleared');
		await this.#tmux('clear-history');
	}

	/** Waits until the line that was typed last has begun to run: the cursor has left it, and no prompt stands before it. */
	async lineRuns(): Promise<void> {
		await this.#until(async () => await this.#tmux('display-message', '-p', '#{cursor_x}') === '0', 'The line never ran');
	}

	/** Waits until the command has ended and returns its exit status. */
	async exitStatus(): Promise<number> {
		const screen = await this.shows(/^exit status \d+$/m);
		return Number(/^exit status (\d+)$/m.exec(screen)?.[1]);
	}

	/** Hangs up. */
	async close(): Promise<void> {
		await execa('tmux', ['-L', this.#socket, 'kill-server'], {reject: false});
		rmSync(this.#state, {recursive: true, force: true});
	}

	async #until(isSo: () => Promise<boolean>, complaint: string): Promise<void> {
		const deadline = Date.now() + longPatience;
		while (!await isSo()) {
			if (Date.now() > deadline) {
				throw new Error(`${complaint}:\n${await this.screen()}`);
			}

			await setTimeout(50);
		}
	}

	async #tmux(...args: readonly string[]): Promise<string> {
		return (await execa('tmux', ['-L', this.#socket, ...args], {env: colourChoices})).stdout;
	}
}
