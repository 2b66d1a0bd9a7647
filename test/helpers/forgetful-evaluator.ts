/** Somebody who reads policies and forgets the rules that reject: what a search for mistakes must find. */
import {type Evaluator, pureEvaluators} from './evaluators.ts';

export const forgetful: Evaluator = {name: 'forgetful', within: policy => policy, async compare(scenario) {
	const [reading] = pureEvaluators;
	const rules = scenario.policy.rules.filter(({action}) => action !== 'reject');
	const observed = await reading?.compare({...scenario, policy: {...scenario.policy, rules}}) ?? [];
	return (await reading?.compare(scenario) ?? []).map((comparison, index) => ({...comparison, observed: observed[index]?.expected ?? ''}));
}};
