/** Policy routing rules of a running node, as options write them, in and out of the kernel. */
import {type InstalledRule, addRule, deleteRule, listRules} from '../kernel/rule.ts';
import {Rtnetlink, RtnetlinkError} from '../kernel/rtnetlink.ts';
import type {RulePlan} from '../topology/blueprint.ts';
import {withoutGaps} from '../topology/route-text.ts';
import {parseRoutingRule, ruleOptions} from '../topology/routing-rules.ts';
import type {Refusal, RuleOptions} from '../topology/routing-options.ts';
import {type Prefix, sameAddress} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import type {Configurable} from './configurable.ts';
import {indexOf, requireStation} from './names.ts';

/** A rule as the kernel has it. */
export type NodeRule = Omit<RuleOptions, 'table' | 'priority' | 'family'> & {
	readonly family: 4 | 6;
	readonly priority: number;
	/** Absent where the rule refuses. */
	readonly table?: number;
	readonly type?: Refusal;
	/** It is for the packets that do not fit. This and what follows only rules of other programs have. */
	readonly isInverted?: true;
	/** What else it tells packets by, as ip-rule(8) words it, such as `ipproto tcp`. */
	readonly others?: readonly string[];
	/** A route whose prefix is no longer than this counts as none (`suppress_prefixlength`). */
	readonly suppress?: number;
};

/** In the order in which they are asked, IPv4 first; every namespace has some from its beginning. @throws KernelError */
export function nodeRules(node: Configurable): NodeRule[] {
	requireStation(node);
	return listRules(node.namespace).map(({type, table, isInverted, others, suppress, ...rule}) => {
		const {from, to, interface: name, mark} = ruleOptions(withoutGaps<RulePlan>({...rule, from: rule.from, to: rule.to, interface: rule.interface, mark: rule.mark, table: table ?? 0}));
		return withoutGaps<NodeRule>({family: rule.family, priority: rule.priority, from, to, interface: name, mark, table, type, isInverted, others, suppress});
	});
}

/**
The kernel would take a rule for an interface that is nowhere, and wait for it.

@throws InputError `rule`, `rule-exists`, `unknown-interface`; KernelError
*/
export function addNodeRule(node: Configurable, options: RuleOptions): void {
	requireStation(node);
	const plan = parseRoutingRule(options);
	if (plan.interface !== undefined) {
		indexOf(node, plan.interface);
	}

	using rtnetlink = new Rtnetlink(node.namespace);
	addRule(rtnetlink, plan);
	try {
		rtnetlink.flush();
	} catch (error) {
		throw error instanceof RtnetlinkError && error.errno === 'EEXIST' ? new InputError('rule-exists', `${node.plan.name} has this rule already. Give it another priority, or leave it as it is.`) : error;
	}
}

/**
What the options leave out may be anything, but they must mean one rule. Returns whether there was one.

@throws InputError `rule`, `ambiguous-rule`; KernelError
*/
export function deleteNodeRule(node: Configurable, options: Omit<RuleOptions, 'table'> & {readonly table?: number}): boolean {
	requireStation(node);
	const wanted = parseRoutingRule({...options, table: options.table ?? 1});
	const fitting = listRules(node.namespace).filter(rule => fits(rule, wanted, options.table));
	const exact = fitting.filter(rule => selectors(rule) === selectors(wanted));
	const [only, ...others] = exact.length === 1 ? exact : fitting;
	if (others.length > 0) {
		throw new InputError('ambiguous-rule', `${node.plan.name} has ${others.length + 1} rules that fit, with the priorities ${[only, ...others].map(rule => rule?.priority).join(', ')}. Say which one.`, {expected: ['priority']});
	}

	if (only) {
		using rtnetlink = new Rtnetlink(node.namespace);
		deleteRule(rtnetlink, only);
		rtnetlink.flush();
	}

	return only !== undefined;
}

/** What no options can say, none mean. */
function fits(rule: InstalledRule, wanted: RulePlan, table: number | undefined): boolean {
	return rule.family === wanted.family
		&& rule.isInverted === undefined && rule.others === undefined && rule.suppress === undefined
		&& (table === undefined || rule.table === table)
		&& (wanted.priority === undefined || rule.priority === wanted.priority)
		&& (wanted.interface === undefined || rule.interface === wanted.interface)
		&& (wanted.mark === undefined || (rule.mark?.value === wanted.mark.value && rule.mark.mask === wanted.mark.mask))
		&& (wanted.from === undefined || isSame(rule.from, wanted.from))
		&& (wanted.to === undefined || isSame(rule.to, wanted.to));
}

/** A prefix of everything is the same as none. */
function isSame(a: Prefix | undefined, b: Prefix): boolean {
	return a === undefined ? b.length === 0 : a.length === b.length && sameAddress(a, b);
}

/** How many kinds of packets a rule tells apart. */
function selectors({from, to, interface: name, mark}: Pick<RulePlan, 'from' | 'to' | 'interface' | 'mark'> | InstalledRule): number {
	return [from && from.length > 0 ? from : undefined, to && to.length > 0 ? to : undefined, name, mark].filter(each => each !== undefined).length;
}
