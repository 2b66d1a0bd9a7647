/** `secrule plan SENTENCE`: what a rule would change, without changing anything. */
import type {DeviceChange} from '../drivers/device-change.ts';
import {type Flip, flipsOf} from '../policy/flips.ts';
import {readRule, ruleUsage, sentence} from '../policy/grammar.ts';
import type {RuleParts} from '../policy/model.ts';
import {refuseDoubts} from '../policy/reader.ts';
import {addRule} from '../policy/repository.ts';
import type {Command} from './command.ts';
import {namesIn} from './reading.ts';

/** More lines than these are counted, not printed. */
const mostLines = 20;

export type SecrulePlanResult = {
	readonly sentence: string;
	/** In natural order; those that would not change are left out. */
	readonly devices: readonly DeviceChange[];
	/** Traffic between hosts that would get another verdict. */
	readonly flips: readonly Flip[];
	/** Whether all pairs of hosts were looked at. */
	readonly complete: boolean;
};

export const secrulePlanCommand: Command<RuleParts, SecrulePlanResult> = {
	name: 'secrule plan',
	usage: `secrule plan ${ruleUsage}`,
	summary: 'what a rule would change: lines on devices, verdicts between hosts',
	details: 'Nothing is changed. The sentence is one of secrule add.',
	read(reader, scene) {
		const rule = readRule(reader, namesIn(scene));
		refuseDoubts(reader.doubts);
		return rule;
	},
	async run(lab, parts) {
		const {before, after, devices} = await lab.plan(policy => addRule(policy, parts, lab.network.nodes));
		const rule = after.rules.find(({id}) => id === before.nextId);
		const {list: flips, complete} = rule ? flipsOf(after, rule, lab.inventory) : {list: [], complete: true};
		return {sentence: sentence(rule ?? parts, after.stateful), devices, flips, complete};
	},
	text({devices, flips, complete}) {
		return [
			...devices.flatMap(({device, added, removed}) => [
				`${device}: ${added.length} added, ${removed.length} removed`,
				...beginning([...removed.map(line => `  - ${line}`), ...added.map(line => `  + ${line}`)]),
			]),
			...beginning(flips.map(({from, to, before, after, packet}) => `${from} -> ${to}: ${before} becomes ${after} (${packet})`)),
			...devices.length === 0 ? ['No device would change.'] : [],
			...flips.length === 0 && complete ? ['No two hosts would get another verdict.'] : [],
			...complete ? [] : ['There are more pairs of hosts than were looked at.'],
		].join('\n');
	},
};

function beginning(lines: readonly string[]): string[] {
	return lines.length > mostLines ? [...lines.slice(0, mostLines), `  and ${lines.length - mostLines} more`] : [...lines];
}
