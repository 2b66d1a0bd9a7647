/** What all benches share: their options, and how they show what they measured. */
import {readFileSync, writeFileSync} from 'node:fs';
import {cpus, loadavg, release, totalmem} from 'node:os';
import {parseArgs} from 'node:util';
import {columns} from '../../lib/util/columns.ts';

export type Options = {
	/** Few runs of few topologies, to try the bench itself. */
	readonly quick: boolean;
	/** How often each figure is taken; the median is shown. */
	readonly runs: number;
	/** Where to write everything that was measured. */
	readonly json: string | undefined;
	/** Topologies to measure instead of the usual ones. */
	readonly topologies: readonly string[];
};

/** Reads `[--quick] [--runs N] [--json FILE] [TOPOLOGY …]`. @param runs default without `--quick` */
export function readOptions(runs: number): Options {
	const {values, positionals} = parseArgs({
		options: {quick: {type: 'boolean', default: false}, runs: {type: 'string'}, json: {type: 'string'}},
		allowPositionals: true,
	});
	const quick = values.quick;
	return {quick, runs: Number(values.runs ?? (quick ? 1 : runs)), json: values.json, topologies: positionals};
}

/** A figure in a table; `undefined` is one that could not be taken. */
export type Cell = string | number | undefined;
export type Row = Readonly<Record<string, Cell>>;

/** Prints machine, date and tables, each with the names of its columns, and writes them to the file the user asked for. */
export function report(tables: Readonly<Record<string, readonly Row[]>>, {json, runs}: Options): void {
	const facts = {machine: machine(), date: new Date().toISOString(), runs};
	console.log(`${facts.machine}\n${facts.date}, medians of ${runs}`);
	for (const [title, rows] of Object.entries(tables)) {
		console.log(`\n${title}\n${table(rows)}`);
	}

	if (json !== undefined) {
		writeFileSync(json, `${JSON.stringify({...facts, tables}, undefined, '\t')}\n`);
	}
}

function table(rows: readonly Row[]): string {
	const names = Object.keys(rows[0] ?? {});
	return columns([names, ...rows.map(row => names.map(name => text(row[name])))]);
}

function text(cell: Cell): string {
	return typeof cell !== 'number' ? cell ?? '–' : Number.isInteger(cell) ? String(cell) : String(Number(cell.toPrecision(3)));
}

/** The middle of some figures; undefined when there are none. */
export function median(values: readonly number[]): number | undefined {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = (sorted.length - 1) / 2;
	const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
	return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** How many times as large `b` is. */
export function ratio(a: number | undefined, b: number | undefined): string | undefined {
	return a === undefined || b === undefined ? undefined : `${(b / a).toFixed(1)} ×`;
}

/** Says on standard error what is being measured, so that a long bench is not a silent one. */
export function progress(message: string): void {
	console.error(message);
}

function machine(): string {
	const load = loadavg().map(value => value.toFixed(1)).join(' ');
	return `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, ${distribution()}, Node ${process.versions.node}, load average ${load}`;
}

function distribution(): string {
	return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown distribution';
}
