/** Rules between groups have no traffic of a family that no host has an address of. */
import test from 'ava';
import {compile} from '../../lib/policy/compile.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {policyOf} from '../helpers/arbitrary-policy.ts';
import {sketch} from '../helpers/blueprints.ts';

const families = test.macro({
	title: (_, network: string, sentence: string) => `${sentence}, on ${network.replaceAll('\n', '; ')}`,
	exec(t, network: string, sentence: string, expected: {readonly only: 4 | 6 | undefined; readonly traffic: readonly number[] | undefined}) {
		const blueprint = sketch(network);
		const {devices} = compile(policyOf(['h1 bind a', 'h2 bind b', 'secrule ipg add n 10.0.0.2 fd00::2', `secrule add ${sentence}`], blueprint), inventoryOf(blueprint));
		const [rule] = devices.get('s1')?.rules ?? [];
		t.deepEqual({only: rule?.family, traffic: rule?.traffic?.map(({family}) => family)}, expected);
	},
});

const four = 'h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1';
const six = 'h1 fd00::1/64 -- s1\nh2 fd00::2/64 -- s1';
const both = 'h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24,fd00::2/64 -- s1';

test(families, four, 'allow a to b tcp dport 80', {only: 4, traffic: [4]});
test(families, four, 'allow a to any', {only: 4, traffic: undefined});
test(families, four, 'allow n to b icmp', {only: 4, traffic: [4]});
test(families, four, 'allow any to n tcp', {only: undefined, traffic: [4, 6]});
test(families, four, 'deny not a to n tcp', {only: undefined, traffic: [4, 6]});
test(families, six, 'allow a to b udp', {only: 6, traffic: [6]});
test(families, both, 'allow a to b tcp dport 80', {only: undefined, traffic: [4, 6]});
