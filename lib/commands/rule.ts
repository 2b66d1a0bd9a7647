/** `NODE rule add|del|list`: which table a host or router looks a packet's route up in. */
import type {NodeRule} from '../node/rules.ts';
import type {Reader} from '../policy/reader.ts';
import {largestNumber} from '../topology/route-text.ts';
import type {RuleOptions} from '../topology/routing-options.ts';
import {readMark} from '../topology/routing-rules.ts';
import {type Family, tryParsePrefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {Word} from '../util/words.ts';
import type {Command, Scene} from './command.ts';
import {type Station, pointedAt, refuseUnknownInterfaces, stationKinds, tableText, takeInterface, takeNumber, takePrefix, takeStation, takeTable} from './station-words.ts';

/** In the order in which they are asked, IPv4 first. */
export type RuleListResult = readonly NodeRule[];
/** The rule as it was read. */
export type RuleChangeResult = Partial<RuleOptions>;

type Input<Rule> = {
	readonly node: string;
	/** Of what the rule selects, or of its table. */
	readonly column: number;
	readonly interfaces: readonly Word[];
	readonly rule: Rule;
};

const selectors = ['from', 'to', 'interface', 'mark'] as const;
const form = '[inet6] [from PREFIX] [to PREFIX] [interface NAME] [mark VALUE[/MASK]]';

export const ruleAddCommand: Command<Input<RuleOptions>, RuleChangeResult> = {
	name: 'NODE rule add',
	usage: `NODE rule add ${form} table N [priority N]`,
	kinds: stationKinds,
	summary: 'let packets that fit be looked up in a routing table of their own',
	details: 'interface: packets that come in by it. Lower priorities are asked first, the main table at 32766; without one the rule comes before all that were added earlier. A packet that finds no route in the table goes on to the next rule.',
	read(reader, scene) {
		const {rule, ...where} = readRule(reader, scene, true);
		return {...where, rule: {...rule, table: rule.table ?? 0}};
	},
	async run(lab, {node: name, column, interfaces, rule}) {
		const node = lab.node(name);
		refuseUnknownInterfaces(node, interfaces);
		pointedAt(column, () => {
			node.addRule(rule);
		});
		return Promise.resolve(rule);
	},
	text: () => '',
};

export const ruleDelCommand: Command<Input<Partial<RuleOptions>>, RuleChangeResult> = {
	name: 'NODE rule del',
	usage: `NODE rule del ${form} [table N] [priority N]`,
	kinds: stationKinds,
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
	kinds: stationKinds,
	summary: 'the rules of policy routing, as the kernel has them',
	details: 'Every line is one that rule add and rule del read, but for those that refuse, and those with a word that neither knows, such as not, tos, ipproto or dport: only programs make such rules. path follows not; by the other words no packet of its is picked out.',
	read(reader, scene) {
		const {name} = takeStation(reader, scene);
		reader.finish();
		return name;
	},
	async run(lab, name) {
		return Promise.resolve(lab.node(name).rules());
	},
	text: rules => rules.map(ruleText).join('\n'),
};

function readRule(reader: Reader, scene: Scene, needsTable: boolean): Input<Partial<RuleOptions>> {
	const station = takeStation(reader, scene);
	let rule: Partial<RuleOptions> = reader.optional(['inet6']) ? {family: 6} : {};
	const interfaces: Word[] = [];
	const next = () => reader.optional(selectors.filter(word => !(word in rule)));
	for (let word = next(); word; word = next()) {
		rule = {...rule, ...readSelector(reader, station, word, {rule, interfaces})};
	}

	const {column} = reader;
	if (needsTable ? reader.oneOf(['table']) : reader.optional(['table'])) {
		rule = {...rule, table: takeTable(reader)};
	}

	if (reader.optional(['priority'])) {
		rule = {...rule, priority: takeNumber(reader, 'priority', 0, largestNumber)};
	}

	reader.finish();
	return {node: station.name, column, interfaces, rule};
}

/** @param interfaces are told those that it names */
function readSelector(reader: Reader, station: Station, word: (typeof selectors)[number], {rule, interfaces}: {readonly rule: Partial<RuleOptions>; readonly interfaces: Word[]}): Partial<RuleOptions> {
	switch (word) {
		case 'from':
		case 'to':
			return {[word]: takePrefixLike(reader, rule)};
		case 'interface': {
			const named = takeInterface(reader, station);
			interfaces.push(named);
			return {interface: named.text};
		}

		case 'mark':
			return {mark: takeMark(reader)};
	}
}

/** A prefix of the family that the rule is of so far. @throws InputError `prefix`, `family` */
function takePrefixLike(reader: Reader, rule: Partial<RuleOptions>): string {
	const text = takePrefix(reader);
	const family = familyOf(rule);
	if (family !== undefined && tryParsePrefix(text)?.family !== family) {
		throw new InputError('family', `${text} is not of IPv${family}, as the rule is up to there: a rule is of one family. Write one rule for each.`, {column: reader.column, expected: ['prefix']});
	}

	return text;
}

function familyOf({family, from, to}: Partial<RuleOptions>): Family | undefined {
	return family ?? tryParsePrefix(from ?? to ?? '')?.family;
}

/** @throws InputError `mark` */
function takeMark(reader: Reader): string {
	const {text, column} = reader.take(['mark'], () => []);
	if (!readMark(text)) {
		throw new InputError('mark', `"${printable(text)}" is no mark. Write a number or VALUE/MASK, such as 5 or 0x5/0xff.`, {column, expected: ['mark']});
	}

	return text;
}

/** As `rule add` reads it, but for what only programs make: its words are those of ip-rule(8). */
function ruleText({family, priority, table, type, from, to, interface: name, mark, isInverted, others = [], suppress}: NodeRule): string {
	return [
		...isInverted ? ['not'] : [],
		...family === 6 && from === undefined && to === undefined ? ['inet6'] : [],
		...from === undefined ? [] : [`from ${from}`],
		...to === undefined ? [] : [`to ${to}`],
		...name === undefined ? [] : [`interface ${name}`],
		...mark === undefined ? [] : [`mark ${mark}`],
		...others,
		type ?? `table ${tableText(table ?? 0)}`,
		...suppress === undefined ? [] : [`suppress_prefixlength ${suppress}`],
		`priority ${priority}`,
	].join(' ');
}
