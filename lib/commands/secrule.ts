/** `secrule add`, `del`, `list`, `show`: the rules, in the order in which they are judged. */
import {type RuleParts, readRule, ruleUsage, sentence} from '../policy/grammar.ts';
import {ruleOf} from '../policy/listing.ts';
import {namesOf} from '../policy/names.ts';
import {addRule, deleteRules} from '../policy/repository.ts';
import {columns} from '../util/columns.ts';
import {type ChangeResult, change, changeText} from './change.ts';
import type {Command} from './command.ts';
import {type DeviceLines, deviceLinesText} from './installed.ts';
import {takeAll, takeRule} from './reading.ts';

export type SecruleAddResult = ChangeResult & {readonly id: number; readonly sentence: string};

/** In evaluation order. */
export type SecruleListResult = ReadonlyArray<{readonly id: number; readonly sentence: string; /** First packets of connections. */ readonly hits: number}>;

export type SecruleShowResult = {readonly id: number; readonly sentence: string; readonly hits: number; readonly installed: readonly DeviceLines[]};

export const secruleAddCommand: Command<RuleParts, SecruleAddResult> = {
	name: 'secrule add',
	usage: `secrule add ${ruleUsage}`,
	summary: 'put a rule behind the others',
	details: [
		'PEER is any, a group, an IPG, a node, an address or a prefix. The first rule that matches a connection decides.',
		'When none does: denied if a perimeter firewall stands between, or if the destination is in any group; else allowed.',
	].join('\n'),
	read(reader, scene) {
		const rule = readRule(reader, namesOf(scene.policy, scene.network.nodes));
		reader.finish();
		return rule;
	},
	async run(lab, rule) {
		let id = 0;
		const changed = await change(lab, policy => {
			id = policy.nextId;
			return addRule(policy, rule);
		});
		return {id, sentence: sentence(rule), ...changed};
	},
	text(result) {
		return [`${result.id}  ${result.sentence}`, changeText(result)].filter(Boolean).join('\n');
	},
};

export const secruleDelCommand: Command<readonly number[], ChangeResult> = {
	name: 'secrule del',
	usage: 'secrule del ID …',
	summary: 'delete rules; connections that only they allowed are cut',
	read(reader, scene) {
		return takeAll(reader, () => scene.policy.rules.map(({id}) => String(id)), () => takeRule(reader, scene));
	},
	async run(lab, ids) {
		return change(lab, policy => deleteRules(policy, ids));
	},
	text: changeText,
};

export const secruleListCommand: Command<undefined, SecruleListResult> = {
	name: 'secrule list',
	usage: 'secrule list',
	summary: 'all rules in evaluation order, with their hits',
	details: 'A hit is the first packet of a connection; one that crosses three devices counts three.',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run(lab) {
		const hits = await lab.hits();
		return lab.policy.rules.map(rule => ({id: rule.id, sentence: sentence(rule), hits: hits.get(rule.id) ?? 0}));
	},
	text(rules) {
		return columns([['id', 'sentence', 'hits'], ...rules.map(rule => [String(rule.id), rule.sentence, String(rule.hits)])]);
	},
};

export const secruleShowCommand: Command<number, SecruleShowResult> = {
	name: 'secrule show',
	usage: 'secrule show ID',
	summary: 'one rule, with what is installed for it and its hits by device',
	read(reader, scene) {
		const id = takeRule(reader, scene);
		reader.finish();
		return id;
	},
	async run(lab, id) {
		const rule = ruleOf(lab.policy, id);
		const installed = await lab.installedOn(id);
		const hits = installed.flatMap(({lines}) => lines).reduce((sum, {packets}) => sum + packets, 0);
		return {id, sentence: sentence(rule), hits, installed};
	},
	text({id, sentence: words, hits, installed}) {
		return [`${id}  ${words}  ${hits} ${hits === 1 ? 'hit' : 'hits'}`, ...installed.map(deviceLinesText)].join('\n');
	},
};
