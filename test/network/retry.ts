/** How often pingall asks: once more after a second, and then no more. */
import test, {type ExecutionContext} from 'ava';
import {check, pingAll, shape} from '../../lib/index.ts';
import {Network} from '../../lib/network/network.ts';
import {uniqueName} from '../helpers/names.ts';
import {patience} from '../helpers/patience.ts';

/** Two hosts that drop requests; for each how many it has seen. */
async function dropping(t: ExecutionContext, ...match: readonly string[]): Promise<{network: Network; seen: () => Promise<number[]>}> {
	const topology = shape('single,2', {switchKind: 'bridge'});
	const network = await Network.up(check(topology ?? t.fail()), {name: uniqueName()});
	t.teardown(async () => network.down());
	const hosts = ['h1', 'h2'].map(name => network.node(name));
	const request = ['-p', 'icmp', '--icmp-type', 'echo-request'];
	for (const host of hosts) {
		// The first rule only counts.
		for (const rule of [request, [...request, ...match, '-j', 'DROP']]) {
			const {exitCode, stderr} = await host.execute(['iptables', '-A', 'INPUT', ...rule]);
			t.is(exitCode, 0, stderr);
		}
	}

	return {network, async seen() {
		const listings = await Promise.all(hosts.map(async host => host.execute(['iptables', '-nvxL', 'INPUT'])));
		return listings.map(({stdout}) => Number(/^ *(\d+) .*icmp/m.exec(stdout)?.[1]));
	}};
}

async function timed(network: Network) {
	const start = performance.now();
	const {sent, received, lost} = await pingAll(network);
	return {sent, received, lost, took: performance.now() - start};
}

test.serial('where every second request arrives, pingall loses nobody, and has asked twice, a second apart', async t => {
	const {network, seen} = await dropping(t, '-m', 'statistic', '--mode', 'nth', '--every', '2', '--packet', '0');
	const {took, ...result} = await timed(network);
	t.deepEqual(result, {sent: 2, received: 2, lost: []});
	t.deepEqual(await seen(), [2, 2]);
	t.true(took >= 1000 && took < 2000 * patience, `${took} ms`);
});

test.serial('where no request arrives, both are lost after two tries of a second each', async t => {
	const {network, seen} = await dropping(t);
	const {took, ...result} = await timed(network);
	t.deepEqual(result, {sent: 2, received: 0, lost: [['h1', 'h2'], ['h2', 'h1']]});
	t.deepEqual(await seen(), [2, 2]);
	t.true(took >= 2000 && took < 3000 * patience, `${took} ms`);
});
