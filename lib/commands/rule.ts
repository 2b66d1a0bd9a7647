/** `NODE rule add|del|list`: which table a host or router looks a packet's route up in. */
import type {NodeRule} from '../node/rules.ts';
import type {Reader} from '../policy/reader.ts';
import {largestNumber} from '../topology/route-text.ts';
import type {RuleOptions} from '../topology/routing-options.ts';
import {columns} from '../util/columns.ts';
import {InputError} from '../util/errors.ts';
import type {Command, Scene} from './command.ts';
import {type Station, pointedAt, takeInterface, takeNumber, takePrefix, takeStation} from './station-words.ts';

/** In the order in which they are asked, IPv4 first. */
export type RuleListResult = readonly NodeRule[];
/** The rule as it was read. */
export type RuleChangeResult = Partial<RuleOptions>;

type Input<Rule> = {
	readonly node: string;
	readonly column: number;
	/** Of the name of the interface. */
	readonly interfaceColumn: number;
	readonly rule: Rule;
};

/** Tables that every namespace has, by the names that ip(8) knows. */
const tableNames: ReadonlyMap<number, string> = new Map([[253, 'default'], [254, 'main'], [255, 'local']]);
const selectors = ['from', 'to', 'interface', 'mark'] as const;
const form = '[inet6] [from PREFIX] [to PREFIX] [interface NAME] [mark VALUE[/MASK]]';

export const ruleAddCommand: Command<Input<RuleOptions>, RuleChangeResult> = {
	name: 'NODE rule add',
	usage: `NODE rule add ${form} table N [priority N]`,
	summary: 'let packets that fit be looked up in a routing table of their own',
	details: 'interface: packets that come in by it. Lower priorities are asked first, the main table at 32766; without one the rule comes before all that were added earlier. A packet that finds no route in the table goes on to the next rule.',
	read(reader, scene) {
		const {rule, ...where} = readRule(reader, scene, true);
		return {...where, rule: {...rule, table: rule.table ?? 0}};
	},
	async run(lab, {node, column, interfaceColumn, rule}) {
		pointedAt(column, () => {
			try {
				lab.node(node).addRule(rule);
			} catch (error) {
				throw error instanceof InputError && error.code === 'unknown-interface' ? error.locate({column: interfaceColumn}) : error;
			}
		});
		return Promise.resolve(rule);
	},
	text: () => '',
};

export const ruleDelCommand: Command<Input<Partial<RuleOptions>>, RuleChangeResult> = {
	name: 'NODE rule del',
	usage: `NODE rule del ${form} [table N] [priority N]`,
	summary: 'take a rule of policy routing away',
	details: 'What is left out may be anything, but the words must mean one rule.',
	read(reader, scene) {
		return readRule(reader, scene, false);
	},
	async run(lab, {node, column, rule}) {
		pointedAt(column, () => {
			lab.node(node).deleteRule(rule);
		});
		return Promise.resolve(rule);
	},
	text: () => '',
};

export const ruleListCommand: Command<string, RuleListResult> = {
	name: 'NODE rule list',
	usage: 'NODE rule list',
	summary: 'the rules of policy routing, as the kernel has them',
	read(reader, scene) {
		const {name} = takeStation(reader, scene);
		reader.finish();
		return name;
	},
	async run(lab, name) {
		return Promise.resolve(lab.node(name).rules());
	},
	text(rules) {
		return columns(rules.map(({family, priority, table, type, ...rule}) => [
			`IPv${family}`, String(priority), selectorText(rule), type ?? `table ${tableNames.get(table ?? 0) ?? table ?? ''}`,
		]));
	},
};

function readRule(reader: Reader, scene: Scene, needsTable: boolean): Input<Partial<RuleOptions>> {
	const station = takeStation(reader, scene);
	const family = reader.optional(['inet6']) && 6 as const;
	let rule: Partial<RuleOptions> = {...family ? {family} : {}};
	let interfaceColumn = 0;
	const left = () => selectors.filter(word => !(word in rule));
	for (let word = reader.optional(left()); word; word = reader.optional(left())) {
		rule = {...rule, [word]: readSelector(reader, station, word)};
		interfaceColumn = word === 'interface' ? reader.column : interfaceColumn;
	}

	if (needsTable ? reader.oneOf(['table']) : reader.optional(['table'])) {
		rule = {...rule, table: takeNumber(reader, 'number of a table', 1, largestNumber)};
	}

	const {column} = reader;
	if (reader.optional(['priority'])) {
		rule = {...rule, priority: takeNumber(reader, 'priority', needsTable ? 1 : 0, largestNumber)};
	}

	reader.finish();
	return {node: station.name, column, interfaceColumn, rule};
}

function readSelector(reader: Reader, station: Station, word: (typeof selectors)[number]): string {
	switch (word) {
		case 'from':
		case 'to':
			return takePrefix(reader);
		case 'interface':
			return takeInterface(reader, station);
		case 'mark':
			return reader.take(['mark'], () => []).text;
	}
}

function selectorText(rule: Pick<NodeRule, 'from' | 'to' | 'interface' | 'mark'>): string {
	return selectors.flatMap(word => rule[word] === undefined ? [] : [`${word} ${rule[word]}`]).join(' ') || 'all';
}
