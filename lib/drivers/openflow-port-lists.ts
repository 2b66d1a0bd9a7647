/** Where a switch has the policy's rules: in one ordered table, or as the lists of its ports, as security groups, or as both, of which each must allow. */
import type {DevicePlan, FilterRule} from '../policy/filter-rule.ts';
import {makeFlow} from './flow.ts';
import type {Flow} from './flow.ts';
import {goTo, matchFlags, priority, table} from './pipeline.ts';
import type {Table} from './pipeline.ts';

/**
All styles give the verdict of the policy, each in its own way:
- `rules`: all rules in one ordered table;
- `sg`: security groups, of which one must allow; so there is nothing to deny;
- `fwaas`: two ordered lists for each port, one for what its host sends, one for what goes to it;
- `both`: the lists, then what they let pass is left to the groups.
*/
export type FlowStyle = 'rules' | 'sg' | 'fwaas' | 'both';

/** A table of rules. */
export type RuleStage = {
	readonly table: Table;
	readonly holds: (rule: FilterRule) => boolean;
	/** Where a packet goes that one of its rules allows. */
	readonly allowed: Table;
	/** Where a packet goes that none of its rules matches. */
	readonly unmatched: Table;
};

/**
The ports of a switch have their lists in common. Rules tell ports apart by the addresses behind them, so a rule is in the list of a port
as soon as it can match there, and flows do not grow with ports × rules.
*/
export const ruleStages: {readonly [style in FlowStyle]: readonly RuleStage[]} = {
	rules: [last(table.rules)],
	sg: [groups()],
	fwaas: [list(table.egress, table.ingress), last(table.ingress)],
	both: [list(table.egress, table.ingress), list(table.ingress, table.groups), groups()],
};

/** What it allows is permitted, what it does not match is left to the defaults. */
function last(stage: Table): RuleStage {
	return {table: stage, holds: () => true, allowed: table.permit, unmatched: table.defaults};
}

/** What it does not deny is judged again. */
function list(stage: Table, next: Table): RuleStage {
	return {table: stage, holds: () => true, allowed: next, unmatched: next};
}

/** What is allowed does not follow from the order; of several rules that allow a packet the first counts it, and says whether it makes a connection. */
function groups(): RuleStage {
	return {...last(table.groups), holds: ({action}) => action === 'allow'};
}

/** Groups in which nothing allows are all that denies. */
export function unsupportedByGroups({rules}: DevicePlan, style: FlowStyle): string[] {
	return style === 'sg' ? rules.filter(({action}) => action !== 'allow').map(({sentence, action}) => `"${sentence}": security groups only allow, and the rest is denied by default; ${action} is for the drivers fwaas, both and openflow`) : [];
}

/**
The ways into the stages of a style, and out of them where no rule matches. What a host here sends is judged by the egress list of its port.
Everything then is judged by the ingress list: what goes to another switch has no port here, and is judged as if it had. A copy of a multicast
is judged at the port of its receiver alone.
*/
export function aroundLists({guarded}: DevicePlan, style: FlowStyle): Flow[] {
	const stages = ruleStages[style];
	const lead = (from: Table, to: Table, why: string) => makeFlow(from, priority.miss, '', goTo(from, to), why);
	const entry = stages.find(({table: stage}) => stage !== table.egress)?.table ?? table.rules;
	return [
		...entry === table.rules ? [] : [lead(table.rules, entry, 'the rules stand in tables of their own')],
		...stages.some(({table: stage}) => stage === table.egress) ? guarded.map(({port, host}) => toEgress(port, host)) : [],
		...stages.map(({table: stage, unmatched}) => lead(stage, unmatched, 'no rule matches')),
	];
}

function toEgress(port: number, host: string): Flow {
	return makeFlow(table.rules, priority.low, `in_port=${port},${matchFlags([], ['multicast'])}`, goTo(table.rules, table.egress), `${host} sends: the egress list of its port`);
}
