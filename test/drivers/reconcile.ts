/** Every device takes a change over, or none does: with drivers that only write down what they are told. */
import test from 'ava';
import type {FirewallDriver} from '../../lib/drivers/driver.ts';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import type {TrackedConnection} from '../../lib/kernel/conntrack.ts';
import type {Packet, Verdict} from '../../lib/policy/evaluate.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {InputError, SecureNetError} from '../../lib/util/errors.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {packetOf} from '../helpers/packets.ts';
import {compiled, switchPlan} from '../helpers/plans.ts';

/** A driver whose state is the policy's sentences. `refuses` says which `check s1`, `apply s2` … fail. */
function notebook(refuses: (deed: string) => boolean = () => false) {
	const deeds: string[] = [];
	const open: TrackedConnection[] = [];
	const deed = async (text: string): Promise<void> => {
		deeds.push(text);
		if (refuses(text)) {
			throw new SecureNetError('device', `${text}: no`);
		}

		return Promise.resolve();
	};
	const driver: FirewallDriver<string> = {
		plain: 'plain',
		supports: plan => refuses(`support ${plan.device}`) ? ['cannot do that', 'nor that'] : [],
		render: ({rules}) => rules.map(({sentence}) => sentence).join('; '),
		texts: state => state.split('; '),
		differs: (previous, next) => previous !== next,
		check: async ({device, next}) => deed(`check ${device} ${next}`),
		discard: async ({device}) => deed(`discard ${device}`),
		apply: async ({device, next}) => deed(`apply ${device} ${next}`),
		list: async devices => Promise.resolve(new Map([...devices].map(([device, state]) => [device, [{text: `${device}: ${state}`, sentence: undefined, packets: 0}]]))),
		settle: async () => deed('settle'),
		connections: async devices => Promise.resolve(new Map([...devices.keys()].map(device => [device, open]))),
		cut: async (device, _state, connections) => deed(`cut ${device} ${connections.map(({destination}) => destination).join(' ')}`),
	};
	return {deeds, open, driver, firewall: new Firewall(() => driver)};
}

const policy = (sentence: string, devices: readonly string[] = ['s10', 's2', 's1']) => compiled(...devices.map((device): DevicePlan => switchPlan({device, rules: [sentence]})));
const [one, two] = ['allow any to any', 'deny any to any'];

test('all are asked, then all are changed, in natural order', async t => {
	const {firewall, deeds} = notebook();
	t.deepEqual(await firewall.apply(policy(one)), ['s1', 's2', 's10']);
	t.deepEqual(deeds, ['check s1', 'check s2', 'check s10', 'apply s1', 'apply s2', 'apply s10'].map(deed => `${deed} ${one}`));
});

test('the same again touches no device', async t => {
	const {firewall, deeds} = notebook();
	await firewall.apply(policy(one));
	deeds.length = 0;
	t.deepEqual(await firewall.apply(policy(one)), []);
	t.deepEqual(deeds, []);
});

test('a plan tells what would change, and touches no device', async t => {
	const {firewall, deeds} = notebook();
	await firewall.apply(policy(one));
	deeds.length = 0;
	t.deepEqual(firewall.plan(compiled(...policy(one, ['s1']).devices.values(), ...policy(two, ['s10', 's2']).devices.values())), [
		{device: 's2', added: [two], removed: [one]},
		{device: 's10', added: [two], removed: [one]},
	]);
	t.deepEqual(firewall.plan(compiled(switchPlan({device: 's1', rules: [one, two]}))), [{device: 's1', added: [two], removed: []}]);
	t.deepEqual(deeds, []);
	t.deepEqual(await firewall.apply(policy(one)), []);
	t.throws(() => notebook(deed => deed === 'support s1').firewall.plan(policy(one)), {instanceOf: InputError, code: 'unsupported'});
});

test('what drivers cannot do is told all at once, before anything is asked', async t => {
	const {firewall, deeds} = notebook(deed => ['support s1', 'support s10'].includes(deed));
	const error = await t.throwsAsync(firewall.apply(policy(one)), {instanceOf: InputError, code: 'unsupported'});
	t.deepEqual(error.message.split('\n').slice(1), ['  s1: cannot do that', '  s1: nor that', '  s10: cannot do that', '  s10: nor that']);
	t.deepEqual(deeds, []);
});

test('a device that refuses when asked: nothing is changed, the others forget it', async t => {
	const {firewall, deeds} = notebook(deed => deed === `check s2 ${two}`);
	await firewall.apply(policy(one));
	deeds.length = 0;
	await t.throwsAsync(firewall.apply(policy(two)), {message: `check s2 ${two}: no`});
	t.deepEqual(deeds.filter(deed => !deed.startsWith('check')), ['discard s1', 'discard s10']);
	t.deepEqual([...await firewall.list(['s1'])], [['s1', [{text: `s1: ${one}`, sentence: undefined, packets: 0}]]]);
});

/** Ten: eight change together, two after them. */
const many = Array.from({length: 10}, (_, index) => `s${index + 1}`);

test('a device that refuses when changed: those that changed are put back, those whose turn had not come forget it', async t => {
	const {firewall, deeds} = notebook(deed => deed === `apply s2 ${two}`);
	await firewall.apply(policy(one, many));
	deeds.length = 0;
	await t.throwsAsync(firewall.apply(policy(two, many)), {message: `apply s2 ${two}: no`});
	const changed = ['s1', 's3', 's4', 's5', 's6', 's7', 's8'];
	t.deepEqual(deeds.slice(10), [
		...many.slice(0, 8).map(device => `apply ${device} ${two}`),
		...changed.reverse().flatMap(device => [`check ${device} ${one}`, `apply ${device} ${one}`]),
		'discard s9', 'discard s10',
	]);
	deeds.length = 0;
	t.deepEqual(await firewall.apply(policy(one, many)), []);
});

test('a device that cannot forget hides no refusal and keeps no other from being put back', async t => {
	for (const refused of [`check s2 ${two}`, `apply s2 ${two}`]) {
		const {firewall, deeds} = notebook(deed => [refused, 'discard s1', 'discard s10'].includes(deed));
		await firewall.apply(policy(one, many));
		deeds.length = 0;
		await t.throwsAsync(firewall.apply(policy(two, many)), {message: `${refused}: no`});
		t.is(deeds.at(-1), 'discard s10');
		t.is(deeds.includes(`apply s1 ${one}`), refused.startsWith('apply'));
		deeds.length = 0;
		t.deepEqual(await firewall.apply(policy(one, many)), []);
	}
});

test('a device that takes neither the new policy nor the old one is named', async t => {
	const {firewall, deeds} = notebook(deed => [`apply s2 ${two}`, 'apply s1 plain'].includes(deed));
	const error = await t.throwsAsync(firewall.apply(policy(two, many)), {code: 'put-back'});
	t.is(deeds.at(-1), 'discard s10');
	t.regex(error.message, /apply s2 .*: no\ns1 keeps the new policy: apply s1 plain: no/);
});

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
	t.deepEqual(deeds, ['settle', 'cut s2 10.0.0.3']);
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
	t.is(deeds.at(-1), 'settle');
});

test('when the comparison fails it is made again the next time', async t => {
	let busy = true;
	const {firewall, deeds, open} = notebook(deed => deed === 'settle' && busy);
	await firewall.apply(policy(one, ['s1']));
	open.push(tracked('10.0.0.2'));
	await t.throwsAsync(firewall.revoke(allowOnly('none')), {message: /settle: no/});
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
	t.deepEqual(error.message.split('\n').slice(1), ['  s1: cut s1 10.0.0.2: no', '  s2: cut s2 10.0.0.2: no']);
	t.deepEqual(deeds.filter(deed => deed.startsWith('cut')).sort(), ['cut s1 10.0.0.2', 'cut s10 10.0.0.2', 'cut s2 10.0.0.2']);
	stuck = false;
	t.is(await firewall.revoke(allowOnly('none')), 3);
});

test('a driver that cannot tell its connections keeps no other from cutting', async t => {
	const [broken, sound] = [notebook(deed => deed === 'settle'), notebook()];
	const firewall = new Firewall(({kind}) => kind === 'switch' ? broken.driver : sound.driver);
	await firewall.apply(compiled(...policy(one, ['s1']).devices.values(), {...switchPlan({device: 'fw', rules: [one]}), kind: 'perimeter'}));
	sound.open.push(tracked('10.0.0.2'));
	await t.throwsAsync(firewall.revoke(allowOnly('none')), {message: /s1: settle: no$/});
	t.is(sound.deeds.at(-1), 'cut fw 10.0.0.2');
});

test('a device that no policy names is unknown', async t => {
	const {firewall} = notebook();
	await firewall.apply(policy(one));
	await t.throwsAsync(firewall.list(['s3']), {code: 'unknown-device'});
});

test('an exchange that one device refuses is taken back beside the old driver, which stays', async t => {
	const old = notebook();
	const fresh = notebook(deed => deed === `apply s2 ${one}`);
	const beside: Array<boolean | undefined> = [];
	let current = old.driver;
	const firewall = new Firewall(() => current);
	await firewall.apply(policy(one, ['s1', 's2']));
	old.deeds.length = 0;
	current = {
		...fresh.driver,
		async check(step) {
			beside.push(step.beside);
			await fresh.driver.check(step);
		},
	};
	await t.throwsAsync(firewall.apply(policy(one, ['s1', 's2'])), {message: `apply s2 ${one}: no`});
	t.deepEqual(beside, [true, true, true]);
	t.deepEqual(fresh.deeds.at(-1), 'apply s1 plain');
	t.deepEqual(old.deeds, []);
});
