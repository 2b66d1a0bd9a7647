/** Connections that a policy no longer allows end, on whatever devices: with drivers that only write down what they are told. */
import test from 'ava';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import type {TrackedConnection} from '../../lib/kernel/conntrack.ts';
import type {Packet, Verdict} from '../../lib/policy/evaluate.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {notebook, one, policy, two} from '../helpers/notebook.ts';
import {packetOf} from '../helpers/packets.ts';
import {compiled, perimeterPlan, switchPlan} from '../helpers/plans.ts';

const tracked = (destination: string): TrackedConnection => ({family: 4, protocol: 'udp', source: '10.0.0.1', destination, mark: 1});
const allowOnly = (address: string, stateful = true) => ({destination}: Packet): Verdict => {
	const isAllowed = formatAddress(destination) === address;
	return {action: isAllowed ? 'allow' : 'deny', stateful: isAllowed && stateful, by: {kind: 'router'}};
};

test('revocation cuts exactly what the policy no longer allows, on the devices that changed', async t => {
	const {firewall, deeds, open} = notebook();
	await firewall.apply(policy(one, ['s1', 's2']));
	await firewall.revoke(allowOnly('none'));
	open.push(tracked('10.0.0.2'), tracked('10.0.0.3'));
	deeds.length = 0;
	t.is(await firewall.revoke(allowOnly('10.0.0.2')), 0);
	await firewall.apply(compiled(...policy(one, ['s1']).devices.values(), ...policy(two, ['s2']).devices.values()));
	deeds.length = 0;
	t.is(await firewall.revoke(allowOnly('10.0.0.2')), 1);
	t.deepEqual(deeds, ['connections', 'cut s2 10.0.0.3']);
});

test('what only lets single packets pass keeps no connection', async t => {
	const {firewall, open} = notebook();
	await firewall.apply(policy(one, ['s1']));
	open.push(tracked('10.0.0.2'));
	t.is(await firewall.revoke(allowOnly('10.0.0.2', false)), 1);
});

test('a connection is judged by the packet that began it', async t => {
	const {firewall, open} = notebook();
	await firewall.apply(policy(one, ['s1']));
	open.push(
		{family: 4, protocol: 'tcp', source: '10.0.0.1', destination: '10.0.0.2', sport: 1024, dport: 80, mark: 1},
		{family: 6, protocol: 'icmpv6', source: 'fd00::1', destination: 'fd00::2', icmp: {id: 7, type: 128, code: 0}, mark: 1},
		{family: 4, protocol: '89', source: '10.0.0.1', destination: '10.0.0.2', mark: 1},
	);
	const packets: Packet[] = [];
	await firewall.revoke(packet => {
		packets.push(packet);
		return {action: 'allow', stateful: true, by: {kind: 'router'}};
	});
	t.deepEqual(packets, ['10.0.0.1 > 10.0.0.2 tcp 80', 'fd00::1 > fd00::2 icmp 128', '10.0.0.1 > 10.0.0.2 proto 89'].map(packetOf));
});

test('a connection that cannot be judged keeps no other device from cutting', async t => {
	const {firewall, deeds, open} = notebook();
	await firewall.apply(policy(one, ['s1', 's2']));
	open.push({...tracked('10.0.0.2'), protocol: 'strange'});
	const error = await t.throwsAsync(firewall.revoke(allowOnly('none')), {instanceOf: SecureNetError, code: 'revoke'});
	t.deepEqual(error.message.split('\n').slice(1).map(line => line.slice(0, 5)), ['  s1:', '  s2:']);
	t.is(deeds.at(-1), 'connections');
});

test('a connection that cannot be judged keeps no other of its device alive', async t => {
	const {firewall, deeds, open} = notebook();
	await firewall.apply(policy(one, ['s1']));
	open.push({...tracked('10.0.0.2'), protocol: 'strange'}, tracked('10.0.0.3'));
	await t.throwsAsync(firewall.revoke(allowOnly('none')), {code: 'revoke', message: /s1: /});
	t.is(deeds.at(-1), 'cut s1 10.0.0.3');
});

test('when the comparison fails it is made again the next time', async t => {
	let busy = true;
	const {firewall, deeds, open} = notebook(deed => deed === 'connections' && busy);
	await firewall.apply(policy(one, ['s1']));
	open.push(tracked('10.0.0.2'));
	await t.throwsAsync(firewall.revoke(allowOnly('none')), {message: /connections: no/});
	busy = false;
	t.is(await firewall.revoke(allowOnly('none')), 1);
	t.is(deeds.at(-1), 'cut s1 10.0.0.2');
	t.is(await firewall.revoke(allowOnly('none')), 0);
});

test('a device that cannot cut keeps no other from cutting, and all that cannot are named', async t => {
	let stuck = true;
	const {firewall, deeds, open} = notebook(deed => stuck && /^cut s(1|2) /.test(deed));
	await firewall.apply(policy(one));
	open.push(tracked('10.0.0.2'));
	const error = await t.throwsAsync(firewall.revoke(allowOnly('none')), {instanceOf: SecureNetError, code: 'revoke'});
	t.deepEqual(error.message.split('\n').slice(1).map(each => each.replace(/: .* (cut .*)$/, ': $1')), ['  s1: cut s1 10.0.0.2: no', '  s2: cut s2 10.0.0.2: no']);
	t.deepEqual(deeds.filter(deed => deed.startsWith('cut')).sort(), ['cut s1 10.0.0.2', 'cut s10 10.0.0.2', 'cut s2 10.0.0.2']);
	stuck = false;
	t.is(await firewall.revoke(allowOnly('none')), 3);
});

test('a driver that cannot tell its connections keeps no other from cutting', async t => {
	const [broken, sound] = [notebook(deed => deed === 'connections'), notebook()];
	const firewall = new Firewall(({kind}) => kind === 'switch' ? broken.driver : sound.driver);
	await firewall.apply(compiled(switchPlan({device: 's1', rules: [one]}), perimeterPlan({device: 'fw', rules: [one]})));
	sound.open.push(tracked('10.0.0.2'));
	await t.throwsAsync(firewall.revoke(allowOnly('none')), {message: /s1: .*connections: no$/});
	t.is(sound.deeds.at(-1), 'cut fw 10.0.0.2');
});
