/** Changes of a network that runs and fail: they are taken back, and what cannot come or go is refused before anything happens. */
import test from 'ava';
import {createNamespaces, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {execute} from '../../lib/kernel/process.ts';
import {readRecord} from '../../lib/network/journal.ts';
import type {Network} from '../../lib/network/network.ts';
import {ovsEnvironment} from '../../lib/network/paths.ts';
import type {NodeSpec} from '../../lib/topology/specs.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {end, everyPairAnswers, host, lanOf, link, portsOf, router} from '../helpers/lan.ts';
import {machine} from '../helpers/machine.ts';

test.serial('firewalls are told while nothing can pass: before what comes is a port of anything, when what goes is down', async t => {
	const told: string[] = [];
	const network: Network = await lanOf(t, {
		async secure(next) {
			const {namespace} = network.node('s1');
			const {stdout} = await execute(['ip', '-oneline', 'link'], {namespace});
			const lineOf = (name: string) => stdout.split('\n').find(line => line.includes(` ${name}@`)) ?? '';
			const state = (name: string) => /state (\w+)/.exec(lineOf(name))?.[1] ?? '';
			const ports = (await portsOf(network)).filter(port => port === 's1 s1-eth4');
			told.push(`${next.nodes.has('h9') ? 'with' : 'without'}: ${ports.join() || 'no port'} ${state('s1-eth4')}, ${lineOf('b1-eth4').includes(' master b1 ') ? 'b1 b1-eth4' : 'no port'} ${state('b1-eth4')}`);
		},
	});
	await network.add({nodes: [host('h9', {ip: '10.1.0.9/24'}), host('k9', {ip: '10.2.0.9/24'})], links: [link('h9', 's1'), link('k9', 'b1')]});
	await network.remove({nodes: ['h9', 'k9']});
	t.deepEqual(told, ['with: no port DOWN, no port DOWN', 'without: s1 s1-eth4 DOWN, b1 b1-eth4 DOWN']);
});

/** Everything that a change which fails must leave as it was. */
async function stateOf(network: Network) {
	const addresses = await Promise.all(['h1', 'k1', 'r1'].map(async name => (await network.node(name).execute(['ip', '-brief', 'address'])).stdout.replaceAll(/@if\d+/g, '')));
	return {
		machine: await machine(network.name), ports: await portsOf(network), addresses, routes: (await network.node('h1').execute(['ip', 'route'])).stdout,
		journal: readRecord(network.name)?.namespaces, blueprint: network.blueprint, nodes: [...network.nodes.keys()], links: network.links,
	};
}

test.serial('a namespace of the name that is there already is left alone, and nothing has changed', async t => {
	const network = await lanOf(t);
	const [foreign] = createNamespaces([`${network.name}.h9`]);
	t.teardown(() => {
		deleteNamespaces(foreign ? [foreign] : []);
	});
	const before = await stateOf(network);
	await t.throwsAsync(network.add({nodes: [host('h8'), host('h9')], links: [link('h8', 's1')]}), {code: 'kernel', message: /h9.*EEXIST/});
	t.deepEqual(await stateOf(network), before);
});

test.serial('an interface that is there already stops the whole batch, and nothing has changed', async t => {
	const network = await lanOf(t);
	await network.node('h1').run`ip link add h1-eth1 type veth peer name mine`;
	const before = await stateOf(network);
	await t.throwsAsync(network.add({nodes: [host('h9')], links: [link('h9', 's1'), link('h1 10.3.0.1/24', 'r1 10.3.0.254/24'), link('k1 10.4.0.1/24', 'r1 10.4.0.254/24')]}), {code: 'kernel', message: /new link h1-eth1 – r1-eth2 .*EEXIST/});
	t.deepEqual(await stateOf(network), before);
	await everyPairAnswers(t, network, 12);
});

test.serial('what the firewalls refuse is taken back, when it comes and when it goes', async t => {
	let refuses = false;
	const network = await lanOf(t, {
		async secure() {
			if (refuses) {
				refuses = false;
				throw new SecureNetError('device', 's1 refuses the policy');
			}

			return Promise.resolve();
		},
	});
	const before = await stateOf(network);
	refuses = true;
	await t.throwsAsync(network.add({nodes: [host('h9')], links: [link('h9', 's1'), link('k1 10.4.0.1/24', 'r1 10.4.0.254/24')]}), {message: 's1 refuses the policy'});
	t.deepEqual(await stateOf(network), before);
	refuses = true;
	const h2 = network.node('h2');
	await t.throwsAsync(network.remove({nodes: ['h2']}), {message: 's1 refuses the policy'});
	t.deepEqual(await stateOf(network), before);
	t.is(network.node('h2'), h2);
	await everyPairAnswers(t, network, 12);
});

test.serial('a port that Open vSwitch does not take is taken back', async t => {
	const network = await lanOf(t);
	const before = await stateOf(network);
	// Somebody else's port has the number.
	await execute(['ovs-vsctl', 'add-port', 's1', 'mine', '--', 'set', 'interface', 'mine', 'type=internal', 'ofport_request=77'], {namespace: network.node('s1').namespace, env: ovsEnvironment(network.name)});
	await t.throwsAsync(network.add({nodes: [host('h9')], links: [{ends: [end('h9'), {node: 's1', options: {port: 77}}], options: {}}]}), {code: 'ovs-port', message: /s1-eth77 got port number \d+ instead of 77/});
	await execute(['ovs-vsctl', 'del-port', 's1', 'mine'], {namespace: network.node('s1').namespace, env: ovsEnvironment(network.name)});
	t.deepEqual(await stateOf(network), before);
});

test.serial('changes wait for each other, and none comes after the end', async t => {
	const network = await lanOf(t);
	const [a, b] = await Promise.all([network.add({nodes: [host('h8')], links: [link('h8', 's1')]}), network.add({nodes: [host('h9')], links: [link('h9', 's1')]})]);
	t.deepEqual([...a.links, ...b.links].map(({ends}) => ends[1].name), ['s1-eth4', 's1-eth5']);
	const late = network.add({nodes: [host('h10')]});
	await network.down();
	await late.catch(() => undefined);
	await t.throwsAsync(network.add({nodes: [host('h11')]}), {code: 'namespace-gone'});
	t.deepEqual((await machine(network.name)).namespaces, []);
});

test.serial('switches, bridges and perimeter firewalls neither come nor go, and what is not there does not go', async t => {
	const network = await lanOf(t);
	for (const node of [{kind: 'switch', name: 's9', options: {}}, {kind: 'bridge', name: 'b9', options: {}}, router('r9', {perimeter: true})] satisfies NodeSpec[]) {
		await t.throwsAsync(network.add({nodes: [node]}), {code: 'not-live', message: new RegExp(`^${node.name} cannot be added while the lab runs: `)});
	}

	await t.throwsAsync(network.remove({nodes: ['s1']}), {code: 'not-live'});
	await t.throwsAsync(network.remove({nodes: ['h7']}), {code: 'unknown-node'});
	const [gone] = network.linksBetween('h1', 's1');
	await network.remove({links: gone ? [gone] : []});
	await t.throwsAsync(network.remove({links: gone ? [gone] : []}), {code: 'no-link'});
});
