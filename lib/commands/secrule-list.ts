/** `secrule list`, `secrule show ID`, `secrule stats reset`: the rules with their hits, and where each is installed. */
import {sentence} from '../policy/grammar.ts';
import {ruleOf} from '../policy/listing.ts';
import {columns} from '../util/columns.ts';
import type {Command} from './command.ts';
import {type DeviceLines, deviceLinesText} from './installed-lines.ts';
import {takeRule} from './reading.ts';

/** In evaluation order. */
export type SecruleListResult = ReadonlyArray<{readonly id: number; readonly sentence: string; /** First packets of connections; of a stateless rule, packets. */ readonly hits: number}>;

export type SecruleShowResult = {readonly id: number; readonly sentence: string; readonly hits: number; readonly installed: readonly DeviceLines[]};

/** Nothing to tell. */
export type StatsResetResult = null;

export const secruleListCommand: Command<undefined, SecruleListResult> = {
	name: 'secrule list',
	usage: 'secrule list',
	summary: 'all rules in evaluation order, with their hits',
	details: 'A hit is the first packet of a connection, of a stateless rule a packet; one that crosses three devices counts three.',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run(lab) {
		const hits = await lab.hits();
		return lab.policy.rules.map(rule => ({id: rule.id, sentence: sentence(rule, lab.policy.stateful), hits: hits.get(rule.id) ?? 0}));
	},
	text(rules) {
		return columns([['id', 'sentence', 'hits'], ...rules.map(rule => [String(rule.id), rule.sentence, String(rule.hits)])]);
	},
};

export const secruleShowCommand: Command<number, SecruleShowResult> = {
	name: 'secrule show',
	usage: 'secrule show ID',
	summary: 'one rule, with what is installed for it and its hits by device',
	details: 'ID is the number of a rule or its name.',
	read(reader, scene) {
		const id = takeRule(reader, scene);
		reader.finish();
		return id;
	},
	async run(lab, id) {
		const rule = ruleOf(lab.policy, id);
		const installed = await lab.installedOn(id);
		const hits = installed.flatMap(({lines}) => lines).reduce((sum, {packets}) => sum + packets, 0);
		return {id, sentence: sentence(rule, lab.policy.stateful), hits, installed};
	},
	text({id, sentence: words, hits, installed}) {
		return [`${id}  ${words}  ${hits} ${hits === 1 ? 'hit' : 'hits'}`, ...installed.map(deviceLinesText)].join('\n');
	},
};

export const statsResetCommand: Command<undefined, StatsResetResult> = {
	name: 'secrule stats reset',
	usage: 'secrule stats reset',
	summary: 'count the hits of all rules from zero again',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run(lab) {
		await lab.resetHits();
		return null;
	},
	text() {
		return '';
	},
};
