/** The connections of a driver to its switches: one to each, opened when it is first needed, and again when the switch has closed it. */
import {SwitchConnection} from '../kernel/openflow-connection.ts';
import type {Bridge} from '../kernel/openflow.ts';
import type {LogReport} from './driver.ts';
import {ruleOfCookie} from './flow.ts';
import {packetIn} from './packet-line.ts';

type Listener = (report: LogReport) => void;

/** Milliseconds until a lost connection is opened again for who listens: twice as long each time that it fails, up to the longest. */
const pause = {first: 50, longest: 5000} as const;

export class Switches {
	readonly #bridgeOf: (name: string) => Bridge;
	readonly #open = new Map<string, Promise<SwitchConnection>>();
	/** Who hears of logged packets, by switch: on a connection that is opened again, too. */
	readonly #listeners = new Map<string, Listener>();

	constructor(bridgeOf: (name: string) => Bridge) {
		this.#bridgeOf = bridgeOf;
	}

	/** @throws as `SwitchConnection.open` */
	async to(name: string): Promise<SwitchConnection> {
		const known = this.#open.get(name);
		if (known) {
			return known;
		}

		const opening = this.#connect(name);
		this.#open.set(name, opening);
		opening.then(
			connection => {
				connection.onClose(() => {
					this.#forget(name, opening);
					this.#hearAgain(name, pause.first);
				});
			},
			() => {
				this.#forget(name, opening);
			},
		);
		return opening;
	}

	/** Tells one listener of logged packets. Returns what ends it. */
	async listen(name: string, listener: Listener): Promise<() => void> {
		this.#listeners.set(name, listener);
		const stop = () => {
			if (this.#listeners.get(name) === listener) {
				this.#listeners.delete(name);
				// Whether a switch still sends what nobody hears matters to nobody.
				this.#open.get(name)?.then(async connection => connection.onPacketIn(undefined)).catch(() => undefined);
			}
		};

		try {
			await this.#hear(name, await this.to(name));
			return stop;
		} catch (error) {
			stop();
			throw error;
		}
	}

	close(name: string): void {
		this.#listeners.delete(name);
		this.#open.get(name)?.then(connection => {
			connection.close();
		}, () => undefined);
		this.#open.delete(name);
	}

	async #connect(name: string): Promise<SwitchConnection> {
		const connection = await SwitchConnection.open(this.#bridgeOf(name));
		try {
			await this.#hear(name, connection);
			return connection;
		} catch (error) {
			connection.close();
			throw error;
		}
	}

	async #hear(name: string, connection: SwitchConnection): Promise<void> {
		if (this.#listeners.has(name)) {
			await connection.onPacketIn(({cookie, frame}) => {
				this.#listeners.get(name)?.({rule: ruleOfCookie(cookie), packet: packetIn(frame)});
			});
		}
	}

	#forget(name: string, connection: Promise<SwitchConnection>): void {
		if (this.#open.get(name) === connection) {
			this.#open.delete(name);
		}
	}

	/** A daemon that somebody has started anew reports again as soon as it answers; keeps no program from ending. */
	#hearAgain(name: string, wait: number): void {
		setTimeout(() => {
			if (this.#listeners.has(name)) {
				this.to(name).catch(() => {
					this.#hearAgain(name, Math.min(2 * wait, pause.longest));
				});
			}
		}, wait).unref();
	}
}
