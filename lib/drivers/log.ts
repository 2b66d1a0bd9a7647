/** What rules with `log` decided, told as it happens: each device is listened to as long as one of its rules asks for it. */
import type {Compiled, DevicePlan, FilterRule} from '../policy/filter-rule.ts';
import type {FirewallDriver, LogReport} from './driver.ts';
import {packetLine} from './packet-line.ts';

/** A packet that a rule with `log` decided: the one that made a connection, or each one where the rule makes none. */
export type LogEntry = {
	/** When it was told, as Date.toISOString writes it. */
	readonly time: string;
	readonly device: string;
	/** Id of the rule. */
	readonly rule: number;
	readonly sentence: string;
	/** What the rule says the line should begin with; empty when it says nothing. */
	readonly text: string;
	/** Such as `tcp 10.0.10.10:40000 > 10.0.20.20:80`. */
	readonly packet: string;
};

type Listening = (device: Pick<DevicePlan, 'device' | 'kind'>) => Pick<FirewallDriver<unknown>, 'watchLog'>;

export class LogWatch {
	readonly #driverOf: Listening;
	readonly #tell: (entry: LogEntry) => void;
	/** What ends the listening, by device. */
	readonly #open = new Map<string, () => void>();
	/** By id, also of rules that are gone: their last packets may be told late, and no id comes twice. */
	readonly #rules = new Map<number, FilterRule>();

	constructor(driverOf: Listening, tell: (entry: LogEntry) => void) {
		this.#driverOf = driverOf;
		this.#tell = tell;
	}

	/** To be called before a policy is applied, so that no packet is missed. @throws SecureNetError when a device cannot be listened to */
	async follow({devices}: Compiled): Promise<void> {
		const logging = [...devices.values()].filter(({rules}) => rules.some(({log}) => log));
		for (const rule of logging.flatMap(({rules}) => rules)) {
			this.#rules.set(rule.id, rule);
		}

		await Promise.all(logging.filter(({device}) => !this.#open.has(device)).map(async ({device, kind}) => {
			const stop = await this.#driverOf({device, kind}).watchLog?.(device, report => {
				this.#report(device, report);
			});
			this.#open.set(device, stop ?? (() => undefined));
		}));
	}

	/** To be called after a policy was applied: devices none of whose rules logs any more need not be listened to. */
	rest({devices}: Compiled): void {
		for (const [device, stop] of this.#open) {
			if (!devices.get(device)?.rules.some(({log}) => log)) {
				stop();
				this.#open.delete(device);
			}
		}
	}

	close(): void {
		this.#open.forEach(stop => {
			stop();
		});
		this.#open.clear();
	}

	#report(device: string, {rule: id, packet}: LogReport): void {
		const rule = this.#rules.get(id);
		this.#tell({time: new Date().toISOString(), device, rule: id, sentence: rule?.sentence ?? '', text: rule?.log?.text ?? '', packet: packetLine(packet)});
	}
}
