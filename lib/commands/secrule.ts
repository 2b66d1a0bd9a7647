/** `secrule add`, `del`, `move`, `clear`: the rules, in the order in which they are judged. */
import {refuseApart} from '../policy/families.ts';
import {readRule, ruleUsage, sentence} from '../policy/grammar.ts';
import type {Place, Rule, RuleParts} from '../policy/model.ts';
import {addRule, clearRules, deleteRules, moveRule} from '../policy/repository.ts';
import {remember} from '../policy/passes/memo.ts';
import {refuseDoubts} from '../policy/reader.ts';
import {ruleReferences} from '../policy/rule-reference.ts';
import type {InputError} from '../util/errors.ts';
import {type ChangeResult, change, changeText, changing, warned} from './change.ts';
import type {Command} from './command.ts';
import {namesIn, takeAll, takeRule} from './reading.ts';
import {labWarnings} from './unguarded.ts';

export type SecruleAddResult = ChangeResult & {readonly id: number; readonly sentence: string};

export const secruleAddCommand: Command<{readonly rule: RuleParts; readonly doubts: readonly InputError[]}, SecruleAddResult> = {
	name: 'secrule add',
	usage: `secrule add ${ruleUsage}`,
	summary: 'put a rule behind those of its prio',
	details: [
		'PEER is any, a group, an IPG, a node, an address, a prefix, not PEER, or several in parentheses: (web, 10.0.0.0/8).',
		'CLAUSE, in any order, each kind once:',
		'  tcp|udp|sctp [sport PORTS] [dport PORTS], icmp|icmp6 [type NAME], proto NUMBER, service NAME[,NAME]; none: every IP packet',
		'  stateful | stateless       whether it makes connections, whose replies pass; "mode" says what rules are that say neither',
		'  prio N | before ID | after ID     lower is judged earlier, 1000 unless said otherwise',
		'  log ["TEXT"]   rate N/s [burst N]   name NAME   comment "TEXT"',
		'PORTS is 80, 80-90, {80,443,8000-8080} or a name of /etc/services. What is over the rate of an allow rule is dropped; burst is N, at least 5, unless it is given.',
		'The first rule that matches a connection decides. When none does: denied if a perimeter firewall stands between, or if the destination is in any group; else allowed.',
	].join('\n'),
	read(reader, scene) {
		return {rule: readRule(reader, namesIn(scene)), doubts: reader.doubts};
	},
	edit({rule}, nodes) {
		return policy => addRule(policy, rule, nodes);
	},
	async run(lab, {rule, doubts}) {
		// Not when it is read: a policy that a program made may have such rules, and what was saved of it is loaded.
		refuseDoubts(doubts);
		refuseApart(rule);
		let added: Omit<SecruleAddResult, keyof ChangeResult> = {id: 0, sentence: ''};
		const changed = await change(lab, policy => {
			const after = addRule(policy, rule, lab.network.nodes);
			const made = after.rules.find(({id}) => id === policy.nextId);
			added = {id: policy.nextId, sentence: sentence(made ?? rule, after.stateful)};
			return after;
		});
		return warned({...added, ...changed}, [...repeatWarnings(lab.policy.rules, added.id), ...labWarnings(lab)]);
	},
	text(result) {
		return [`${result.id}  ${result.sentence}`, changeText(result)].filter(Boolean).join('\n');
	},
};

/** Of a rule that never decides, because an earlier one says the same. */
function repeatWarnings(rules: readonly Rule[], id: number): string[] {
	const words = rules.filter(rule => rule.id === id).map(wordsOf).join('');
	const first = rules.find(rule => wordsOf(rule) === words);
	return first && first.id !== id ? [`Rule ${first.id} already says this.`] : [];
}

/** A rule is never changed, so it is put into words once, and not again at each of the thousands that a script may add. */
const said = new WeakMap<Rule, string>();

/** What it says beside its place, its name and its comment. */
function wordsOf(rule: Rule): string {
	return remember(said, rule, () => {
		const {action, from, to, traffic, stateful, log, rate} = rule;
		return sentence({action, from, to, traffic, stateful, ...log ? {log} : {}, ...rate ? {rate} : {}});
	});
}

export const secruleDelCommand = changing<readonly number[]>({
	name: 'secrule del',
	usage: 'secrule del ID …',
	summary: 'delete rules; connections that only they allowed are cut',
	details: 'ID is the number of a rule or its name.',
	read(reader, scene) {
		return takeAll(reader, () => ruleReferences(scene.policy.rules), () => takeRule(reader, scene));
	},
	edit(ids) {
		return policy => deleteRules(policy, ids);
	},
});

export const secruleMoveCommand = changing<{readonly id: number; readonly place: Place}>({
	name: 'secrule move',
	usage: 'secrule move ID before|after ID',
	summary: 'judge a rule right before or after another one',
	details: 'The rule takes the prio of the other one. ID is the number of a rule or its name.',
	read(reader, scene) {
		const id = takeRule(reader, scene);
		const side = reader.oneOf(['before', 'after'] as const);
		const place = {side, rule: takeRule(reader, scene)};
		reader.finish();
		return {id, place};
	},
	edit({id, place}) {
		return policy => moveRule(policy, id, place);
	},
});

export const secruleClearCommand = changing<undefined>({
	name: 'secrule clear',
	usage: 'secrule clear',
	summary: 'delete all rules; groups, IPGs and services stay',
	read(reader) {
		reader.finish();
		return undefined;
	},
	edit() {
		return clearRules;
	},
});
