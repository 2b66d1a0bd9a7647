/** Which sessions somebody is to wait for: each once, when it is new and can come about. Pure. */
import type {Session} from '../topology/bgp-sessions.ts';

export class Awaited {
	/** Those that nobody has waited for yet. */
	#coming: readonly Session[] = [];
	/** Those that took the place of one that went, and may never come about: nobody waits for them until there is a way. */
	#doubtful: readonly Session[] = [];

	/** Sessions that are new. */
	add(sessions: readonly Session[], {isDoubtful}: {readonly isDoubtful: boolean}): void {
		if (isDoubtful) {
			this.#doubtful = [...this.#doubtful, ...sessions];
		} else {
			this.#coming = [...this.#coming, ...sessions];
		}
	}

	/** From now on doubtful sessions that have a way are waited for as if they were new. @throws what hasWay throws, all is then as before */
	hope(isCurrent: (session: Session) => boolean, hasWay: (session: Session) => boolean): void {
		const current = this.#doubtful.filter(isCurrent);
		const hopeful = current.filter(hasWay);
		this.#coming = [...this.#coming, ...hopeful];
		this.#doubtful = current.filter(session => !hopeful.includes(session));
	}

	/** They are the asker's to wait for. */
	take(): readonly Session[] {
		const coming = this.#coming;
		this.#coming = [];
		return coming;
	}
}
