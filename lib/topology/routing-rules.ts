/** Rules of policy routing as files, scripts and lines write them: read into what they mean, and written back. */
import {type Prefix, formatPrefix, tryParsePrefix} from '../util/address.ts';
import {InputError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import type {RulePlan} from './blueprint.ts';
import {isWithin, largestNumber, withoutGaps} from './route-text.ts';
import type {RuleOptions} from './routing-options.ts';

/** The priority of a file's first rule; the next ones count on. */
const firstPriority = 1000;
const wholeMask = 0xFF_FF_FF_FF;

export const ruleForm = 'Write it like {from: \'10.1.0.0/16\', table: 100}';

/** The rule, or what is wrong with it, as `its rule … ` goes on. */
export function readRoutingRule(options: RuleOptions): RulePlan | string {
	const [from, to] = [options.from, options.to].map(text => text === undefined ? undefined : tryParsePrefix(text));
	const mark = options.mark === undefined ? undefined : readMark(options.mark);
	const family = options.family ?? from?.family ?? to?.family ?? 4;
	const mistake = mistakeIn(options, {from, to, mark});
	return mistake ?? withoutGaps<RulePlan>({family, from, to, interface: options.interface, mark, table: options.table, priority: options.priority});
}

/** Those of a file, in its order. */
export function readRoutingRules(options: readonly RuleOptions[]): Array<RulePlan | string> {
	return options.map((rule, index) => readRoutingRule({priority: firstPriority + index, ...rule}));
}

/** @throws InputError `rule` */
export function parseRoutingRule(options: RuleOptions): RulePlan {
	const rule = readRoutingRule(options);
	if (typeof rule === 'string') {
		throw new InputError('rule', `The rule ${rule}. ${ruleForm}.`, {expected: ['rule']});
	}

	return rule;
}

/** As options have it; `readRoutingRule` reads it back. */
export function ruleOptions({family, from, to, mark, ...rest}: RulePlan): RuleOptions {
	return {
		...from ? {from: formatPrefix(from)} : {},
		...to ? {to: formatPrefix(to)} : {},
		...mark ? {mark: mark.mask === wholeMask ? mark.value : `${mark.value}/${mark.mask}`} : {},
		...rest,
		...family === 6 && !from && !to ? {family} : {},
	};
}

function mistakeIn(options: RuleOptions, {from, to, mark}: {from: Prefix | undefined; to: Prefix | undefined; mark: RulePlan['mark'] | undefined}): string | undefined {
	const unread = options.from !== undefined && !from ? options.from : options.to !== undefined && !to ? options.to : undefined;
	if (unread !== undefined) {
		return `names "${printable(unread)}", which is no prefix (the host bits must be zero)`;
	}

	if (new Set([options.family, from?.family, to?.family].filter(family => family !== undefined)).size > 1) {
		return 'mixes IPv4 and IPv6';
	}

	if (options.mark !== undefined && !mark) {
		return `has the mark "${printable(String(options.mark))}", which is neither a number nor VALUE/MASK`;
	}

	if (!isWithin(options.table, 1, largestNumber)) {
		return `asks table ${options.table}, and tables have numbers from 1 to ${largestNumber}`;
	}

	return options.priority !== undefined && !isWithin(options.priority, 0, largestNumber) ? `has the priority ${options.priority}, and priorities go from 0 to ${largestNumber}` : undefined;
}

/** `5`, `0x5` or `0x5/0xff`; undefined for anything else. */
export function readMark(text: number | string): RulePlan['mark'] | undefined {
	const [value = Number.NaN, mask = wholeMask, ...rest] = String(text).split('/').map(part => /^(?:\d+|0x[\da-f]+)$/i.test(part) ? Number(part) : Number.NaN);
	return rest.length === 0 && isWithin(value, 0, largestNumber) && isWithin(mask, 0, largestNumber) ? {value, mask} : undefined;
}
