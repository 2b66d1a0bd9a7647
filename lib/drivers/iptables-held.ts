/** Changes that a check has had read, and that wait to be made, by device and family. */
import {holdRestore} from '../kernel/held-restore.ts';
import type {HeldRestore} from '../kernel/held-restore.ts';
import {backEnd, restore} from '../kernel/iptables.ts';
import type {Namespace} from '../kernel/namespace.ts';
import type {Family} from '../util/address.ts';

/** Which chains of which device a text changes. */
export type Place = {readonly device: string; readonly namespace: Namespace; readonly family: Family};

export class HeldChanges {
	readonly #held = new Map<string, HeldRestore>();
	/** Undefined until the machine was asked. */
	#canHold: boolean | undefined;

	/** Asks whether a text would be accepted, and holds it back where that can be. @throws RulesError */
	async check(place: Place, text: string): Promise<void> {
		await this.#take(place)?.discard();
		this.#canHold ??= await backEnd() === 'nf_tables';
		const held = this.#canHold ? await holdRestore(place.namespace, place.family, text) : undefined;
		if (held) {
			this.#held.set(keyOf(place), held);
			return;
		}

		this.#canHold = false;
		await restore(place.namespace, place.family, text, {test: true});
	}

	/** Makes a change: the one that is held back, when it says the same. @throws RulesError, nothing has changed then; ProgramError, after which nobody knows */
	async apply(place: Place, text: string): Promise<void> {
		const held = this.#take(place);
		if (held?.text === text && held.isWaiting) {
			await held.commit();
			return;
		}

		await held?.discard();
		await restore(place.namespace, place.family, text);
	}

	/** Nothing of what was held back for a device happens. */
	async discard(device: string): Promise<void> {
		await Promise.all(([4, 6] as const).map(async family => this.#take({device, family})?.discard()));
	}

	#take(place: Pick<Place, 'device' | 'family'>): HeldRestore | undefined {
		const held = this.#held.get(keyOf(place));
		this.#held.delete(keyOf(place));
		return held;
	}
}

function keyOf({device, family}: Pick<Place, 'device' | 'family'>): string {
	return `${device} ${family}`;
}
