/** A terminal that a test types into and reads from: a tmux server of its own. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {execa} from 'execa';
import {uniqueName} from './names.ts';

/** Milliseconds until what is waited for must be on the screen. */
const patience = 30_000;

export class Terminal {
	readonly #socket = uniqueName();
	readonly #state = mkdtempSync(join(tmpdir(), 'securenet-'));

	/** Starts a command; the screen stays when it ends. */
	async start(argv: readonly string[]): Promise<void> {
		await this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '150', '-y', '50', '-e', `XDG_STATE_HOME=${this.#state}`, 'sleep 600');
		await this.#tmux('set-option', '-g', 'remain-on-exit', 'on');
		await this.#tmux('respawn-pane', '-k', ...argv);
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

	/** Waits until the screen matches, then returns it. */
	async shows(pattern: RegExp): Promise<string> {
		const deadline = Date.now() + patience;
		for (;;) {
			const screen = await this.screen();
			if (pattern.test(screen)) {
				return screen;
			}

			if (Date.now() > deadline) {
				throw new Error(`The screen never showed ${pattern.source}:\n${screen}`);
			}

			await setTimeout(50);
		}
	}

	/** Empties the screen, so that `shows` sees only what comes now. */
	async clear(): Promise<void> {
		await this.press('C-l');
		await setTimeout(100);
		await this.#tmux('clear-history');
	}

	/** Waits until the command has ended and returns its exit status. */
	async exitStatus(): Promise<number> {
		const deadline = Date.now() + patience;
		while (Date.now() < deadline) {
			const [dead, status] = (await this.#tmux('display-message', '-p', '#{pane_dead} #{pane_dead_status}')).split(' ');
			if (dead === '1') {
				return Number(status);
			}

			await setTimeout(50);
		}

		throw new Error(`The command never ended:\n${await this.screen()}`);
	}

	/** Hangs up. */
	async close(): Promise<void> {
		await execa('tmux', ['-L', this.#socket, 'kill-server'], {reject: false});
		rmSync(this.#state, {recursive: true, force: true});
	}

	async #tmux(...args: readonly string[]): Promise<string> {
		return (await execa('tmux', ['-L', this.#socket, ...args])).stdout;
	}
}
