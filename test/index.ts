import test from 'ava';
import * as securenet from '../lib/index.ts';
import {Topology, check, emptyPolicy, evaluator, explainVerdict, inventoryOf, namesOf, parseAddress, parseMember, parseRule, policy, splitWords} from '../lib/index.ts';

class Pair extends Topology {
	override build(): void {
		const s1 = this.addSwitch('s1');
		this.addLink(this.addHost('h1'), s1);
		this.addLink(this.addHost('h2'), s1);
	}
}

test('a policy is written and judged without a lab', t => {
	const blueprint = check(new Pair());
	let now = policy.bind(emptyPolicy(blueprint.isolation), blueprint.nodes, 'h2', ['web']);
	now = policy.addIpg(now, blueprint.nodes, 'office', splitWords('10.0.0.0/24 !10.0.0.9').map(parseMember));
	const evaluate = evaluator(now, inventoryOf(blueprint));
	const packet = {source: parseAddress('10.0.0.1'), destination: parseAddress('10.0.0.2'), protocol: 6, sport: 49152, dport: 80};
	t.is(evaluate(packet).action, 'deny');

	now = policy.addRule(now, parseRule(splitWords('allow office to web'), namesOf(now, blueprint.nodes)));
	const verdict = evaluator(now, inventoryOf(blueprint))(packet);
	t.is(verdict.action, 'allow');
	t.regex(explainVerdict(verdict), /allow office to web/);
});

test('errors can be told apart, and edits have a name space of their own', t => {
	const {ProblemsError, DeviceError, ProgramError, SecureNetError} = securenet;
	t.true([ProblemsError, DeviceError, ProgramError].every(each => each.prototype instanceof SecureNetError));
	t.deepEqual(['bind', 'unbind', 'addRule'].filter(name => name in securenet), []);
});
