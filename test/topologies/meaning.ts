/** What a policy means, point by point as the rule language defines it, on real packets: who, in which order, with which state, and what holds when nothing matches. */
import test, {type ExecutionContext} from 'ava';
import {InputError, type Lab} from '../../lib/index.ts';
import {Stream} from '../../lib/probes/stream.ts';
import {errorReturns} from '../../lib/probes/related.ts';
import {meaningNetwork} from '../helpers/meaning-network.ts';
import {patience} from '../helpers/patience.ts';
import {labOf, probes} from '../helpers/scenario.ts';

/** Whether a router gets an answer to its ping. */
async function pings(lab: Lab, from: string, address: string): Promise<boolean> {
	return (await lab.node(from).execute(['ping', '-c', '1', '-W', `${patience}`, address])).exitCode === 0;
}

async function bothFamilies(t: ExecutionContext, lab: Lab, ...texts: readonly string[]): Promise<void> {
	await probes(t, lab, texts, 4);
	await probes(t, lab, texts, 6);
}

test.serial('2.1 who: a group is the addresses of its members now, in both families; an IPG what it lists; only hosts bind; a router is not judged as destination', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('h1 bind web', 'h2 bind db', 'h4 bind db', 'secrule add allow web to db');
	await bothFamilies(t, lab, '+ h1 > h2', '+ h1 > h4 tcp 80', '- h3 > h2', '- h5 > h4', '- h2 > h1');
	await lab.run('h1 unbind web', 'h3 bind web');
	await bothFamilies(t, lab, '- h1 > h2', '+ h3 > h2', '+ h3 > h4 tcp 80');
	await lab.run('h3 bind other', 'secrule add allow h1 to other');
	await bothFamilies(t, lab, '+ h3 > h2', '+ h1 > h3');
	await lab.run('ipg add near 10.0.1.0/24 !10.0.1.2', 'h5 bind listed', 'secrule add allow near to listed');
	await probes(t, lab, ['+ h1 > h5', '- h2 > h5']);
	await probes(t, lab, ['- h1 > h5'], 6);
	await t.throwsAsync(lab.run('fw bind web'), {instanceOf: InputError});
	await lab.run('secrule add deny any to any prio 1');
	t.deepEqual([await pings(lab, 'h1', '10.0.2.254'), await pings(lab, 'fw', '10.0.1.2')], [true, false]);
	await lab.run('secrule add allow fw to db prio 0');
	t.deepEqual([await pings(lab, 'fw', '10.0.1.2'), await pings(lab, 'fw', '10.0.2.5')], [true, false]);
});

test.serial('2.2 order: the first match wins, by prio, then by insertion; rules that only allow have no order', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('secrule add deny h1 to h4 tcp dport 80', 'secrule add allow h1 to h4 tcp', 'secrule add deny h1 to h4');
	await bothFamilies(t, lab, '- h1 > h4 tcp 80', '+ h1 > h4 tcp 81', '- h1 > h4 udp 80');
	await lab.run('secrule add allow h1 to h4 tcp dport 80 prio 999', 'secrule add allow h1 to h4 prio 1001');
	await bothFamilies(t, lab, '+ h1 > h4 tcp 80', '- h1 > h4 udp 80');
	await lab.run('secrule move 3 after 5');
	await bothFamilies(t, lab, '+ h1 > h4 udp 80');
	await lab.run('secrule clear', 'secrule add allow h1 to h4 tcp dport 80', 'secrule add allow h1 to any tcp dport 80-90', 'h4 bind db', 'secrule add allow h2 to db udp');
	const expected = ['+ h1 > h4 tcp 80', '+ h1 > h5 tcp 90', '- h1 > h4 tcp 91', '+ h2 > h4 udp 9'];
	await bothFamilies(t, lab, ...expected);
	const {rules} = lab.policy;
	await lab.run(`secrule move ${rules[2]?.id ?? ''} before ${rules[0]?.id ?? ''}`);
	await bothFamilies(t, lab, ...expected);
});

test.serial('2.3 state: only a stateful rule makes a connection, replies and errors pass with its mark alone, and nothing judges it again', async t => {
	const lab = await labOf(t, meaningNetwork());
	await lab.run('secrule add allow h1 to h4 tcp', 'secrule add allow h1 to h4 udp dport 9', 'secrule add allow h2 to h4 stateless');
	await bothFamilies(t, lab, '+ h1 > h4 tcp 80', '- h4 > h1 tcp 80', '~ h2 > h4 tcp 80', '~ h2 > h4 udp 53', '~ h2 > h4', '- h4 > h2');
	const errors = async (from: string) => (await errorReturns(lab.network, {from, to: 'h4', port: 9}, 1000 * patience)).verdict;
	t.deepEqual([await errors('h1'), await errors('h2')], ['allowed', 'blocked']);
	// The reply to what a stateless rule let pass needs a rule of its own, and both kinds of rule stand in one policy.
	await lab.run('secrule add allow h4 to h2 tcp sport 80 stateless');
	await bothFamilies(t, lab, '+ h2 > h4 tcp 80', '~ h2 > h4 tcp 81', '- h4 > h2 tcp 80', '+ h1 > h4 tcp 81');
	using stream = await Stream.open(lab.network, {from: 'h1', to: 'h4', transport: 'tcp', port: 5000});
	await lab.run('secrule revoke keep', 'secrule add deny any to any stateless prio 1');
	t.true(await stream.staysOpen());
	await bothFamilies(t, lab, '- h1 > h4 tcp 80', '- h2 > h4 tcp 80');
});

for (const [isolation, unbound, bound] of [['bound', '+', '-'], ['none', '+', '+'], ['all', '-', '-']] as const) {
	test.serial(`2.4 when nothing matches, isolation ${isolation}: what a perimeter firewall parts is denied, the rest follows the isolation, and connections are tracked from the start`, async t => {
		const lab = await labOf(t, meaningNetwork({isolation}));
		await bothFamilies(t, lab, `${unbound} h1 > h2`, `${unbound} h1 > h3 tcp 80`, '- h1 > h4', '- h4 > h1 tcp 80');
		if (unbound === '+') {
			using stream = await Stream.open(lab.network, {from: 'h1', to: 'h2', transport: 'tcp', port: 5000});
			await lab.run('h2 bind db');
			t.is(await (bound === '+' ? stream.staysOpen() : stream.isCut(1000 * patience)), true, 'the connection of two unbound hosts');
		}

		await lab.run('h2 bind db', 'h3 bind db');
		// Members of one group are not special.
		await bothFamilies(t, lab, `${bound} h1 > h2`, `${bound} h2 > h3 tcp 80`, `${unbound} h2 > h1 udp 53`, '- h1 > h4');
		await lab.run('secrule add allow db to db');
		await bothFamilies(t, lab, '+ h2 > h3 tcp 80', `${bound} h1 > h2`);
	});
}
