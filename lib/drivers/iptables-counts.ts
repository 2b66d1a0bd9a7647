/** What the lines of iptables have counted: read from iptables-save, and kept when chains are replaced, which begin at zero again. */
import type {Family} from '../util/address.ts';
import type {InstalledLine} from './driver.ts';
import type {PerimeterState} from './iptables-render.ts';

/** Comment of a line to packets. */
export type Counts = ReadonlyMap<string, number>;

/** Counts of chains that were replaced. ip6tables-restore 1.8.9 takes no counters (nf_tables back end), so they are kept here. */
export class EarlierCounts {
	readonly #counts = new Map<string, Counts>();

	of(device: string, family: Family): Counts {
		return this.#counts.get(`${device} ${family}`) ?? new Map();
	}

	/**
	@param saved what iptables-save printed before the chains were replaced
	@param next the lines that are there now; what none of them is labelled with is forgotten
	*/
	add(device: string, family: Family, saved: string, next: ReadonlyArray<{readonly label: string}>): void {
		const sum = new Map(this.of(device, family));
		for (const {label, packets} of savedLines(saved)) {
			sum.set(label, (sum.get(label) ?? 0) + packets);
		}

		this.#counts.set(`${device} ${family}`, sum.size === 0 ? sum : ofThese(sum, next));
	}
}

function ofThese(counts: Counts, lines: ReadonlyArray<{readonly label: string}>): Counts {
	return new Map(lines.flatMap(({label}) => {
		const packets = counts.get(label) ?? 0;
		return packets === 0 ? [] : [[label, packets]];
	}));
}

type SavedLine = {readonly text: string; readonly label: string; readonly packets: number};

/** Rules as iptables-save prints them: `[2:168] -A PFW … --comment "secrule:3" -j DROP`. */
function savedLines(saved: string): SavedLine[] {
	return [...saved.matchAll(/^\[(\d+):\d+\] (-A .*)$/gm)].map(([, packets, text = '']) => {
		const [, quoted, plain] = /--comment (?:"([^"]*)"|(\S+))/.exec(text) ?? [];
		return {text, label: quoted ?? plain ?? '', packets: Number(packets)};
	});
}

/**
Reads what iptables-save prints, with the sentences of what was rendered.

@param earlier what lines of each label had counted before they were replaced; the first of a label gets it
*/
export function listing(saved: string, family: Family, state: PerimeterState, earlier: Counts): InstalledLine[] {
	const waiting = new Map(earlier);
	const known = new Map(state.lines[family].map(line => [line.label, line]));
	const program = family === 4 ? 'iptables' : 'ip6tables';
	return savedLines(saved).map(({text, label, packets}) => {
		const line = known.get(label);
		const sum = packets + (waiting.get(label) ?? 0);
		waiting.delete(label);
		return {text: `${program} ${text}`, sentence: line?.sentence ?? attachment(text), packets: sum, ...(line?.rule === undefined ? {} : {rule: line.rule})};
	});
}

/** The two lines of FORWARD stand there for good and carry no comment. */
function attachment(text: string): string | undefined {
	return {'-A FORWARD -j PFW': 'everything that is forwarded is judged by PFW', '-A FORWARD -j DROP': 'nothing is forwarded that PFW has not accepted'}[text];
}
