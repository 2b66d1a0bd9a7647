/** The daemons that tell connections: with a lab they come and go, and what happens when one does not start or ends too early. */
import {once} from 'node:events';
import {readdirSync, rmSync} from 'node:fs';
import test from 'ava';
import {Network, check, labRecord} from '../../lib/index.ts';
import {isAlive} from '../../lib/kernel/daemon.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {startConntrackd} from '../../lib/network/conntrackd.ts';
import {neededCapabilities} from '../../lib/network/needs.ts';
import {syncDirectory} from '../../lib/network/paths.ts';
import type {SecureNetError} from '../../lib/util/errors.ts';
import {testDirectory, testNamespaces} from '../helpers/fabric.ts';
import {uniqueName} from '../helpers/names.ts';
import {sketch} from '../helpers/sketch.ts';

function firewalls(stateSync: boolean) {
	return check(sketch(t => {
		const [fw1, fw2] = [t.addRouter('fw1', {perimeter: true}), t.addRouter('fw2', {perimeter: true})];
		t.addLink(fw1.interface({ip: '10.9.0.1/30'}), fw2.interface({ip: '10.9.0.2/30'}), {stateSync});
	}));
}

test('only who shares connections needs conntrackd', t => {
	t.true(neededCapabilities(firewalls(true)).includes('conntrackd'));
	t.false(neededCapabilities(firewalls(false)).includes('conntrackd'));
});

test('each firewall has a daemon, which is written down, keeps its files with the lab, and ends with it', async t => {
	const network = await Network.up(firewalls(true), {name: uniqueName()});
	t.teardown(async () => network.down());
	const {processes} = labRecord(network.name);
	t.is(processes.filter(({pid, startTime}) => isAlive(pid, startTime)).length, 2);
	t.deepEqual(readdirSync(syncDirectory(network.name)).filter(name => /\.(?:conf|ctl|lock|log)$/.test(name)).sort(), ['fw1', 'fw2'].flatMap(name => ['conf', 'ctl', 'lock', 'log'].map(ending => `${name}.${ending}`)));
	await network.down();
	t.deepEqual(processes.filter(({pid, startTime}) => isAlive(pid, startTime)), []);
});

test('one that ends by itself is told of', async t => {
	const network = await Network.up(firewalls(true), {name: uniqueName()});
	t.teardown(async () => network.down());
	const failure = once(network, 'failure');
	// A daemon of the lab keeps no program from ending, so something else must.
	const wait = setInterval(() => undefined, 1000);
	t.teardown(() => {
		clearInterval(wait);
	});
	process.kill(labRecord(network.name).processes[0]?.pid ?? NaN, 'SIGKILL');
	const [error] = await failure as [SecureNetError];
	t.is(error.code, 'conntrackd');
	t.regex(error.message, /^conntrackd of fw[12] ended unexpectedly \(SIGKILL\)\. /);
});

test('one that does not start says why', async t => {
	const [namespace] = testNamespaces('sync') as [Namespace];
	const directory = testDirectory();
	t.teardown(() => {
		deleteNamespaces([namespace]);
		rmSync(directory, {recursive: true});
	});
	const peer = {node: 'fw1', namespace, interface: 'eth9', own: '10.9.0.1', other: '10.9.0.2'};
	const error = await t.throwsAsync(startConntrackd(peer, directory, () => undefined), {code: 'conntrackd'});
	t.regex(error.message, /^conntrackd of fw1 (?:ended at once|does not answer).*No such device/s);
});
