/** Every device takes a change over, or none does: with drivers that only write down what they are told. */
import test from 'ava';
import {DeviceError} from '../../lib/drivers/driver.ts';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import {InputError} from '../../lib/util/errors.ts';
import {endsWith, notebook, one, policy, two} from '../helpers/notebook.ts';
import {compiled, switchPlan} from '../helpers/plans.ts';

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
	await t.throwsAsync(firewall.apply(policy(two)), {message: endsWith(`check s2 ${two}: no`)});
	t.deepEqual(deeds.filter(deed => !deed.startsWith('check')), ['discard s1', 'discard s10']);
	t.deepEqual([...await firewall.list(['s1'])], [['s1', [{text: `s1: ${one}`, sentence: undefined, packets: 0}]]]);
});

test('a driver that refuses by throwing at once is no exception: the others forget it', async t => {
	const {driver, deeds} = notebook();
	const hasty: typeof driver = {...driver, check(step) {
		if (step.device === 's2') {
			throw new TypeError('at once');
		}

		return driver.check(step);
	}};
	const firewall = new Firewall(() => hasty);
	await t.throwsAsync(firewall.apply(policy(one)), {message: 'at once'});
	t.deepEqual(deeds.filter(deed => !deed.startsWith('check')), ['discard s1', 'discard s10']);
});

/** 64 change together, two after them. */
const together = 64;
const many = Array.from({length: together + 2}, (_, index) => `s${index + 1}`);

test('a device that refuses when changed: those that changed are put back, those whose turn had not come forget it', async t => {
	const {firewall, deeds} = notebook(deed => deed === `apply s2 ${two}`);
	await firewall.apply(policy(one, many));
	deeds.length = 0;
	await t.throwsAsync(firewall.apply(policy(two, many)), {message: endsWith(`apply s2 ${two}: no`)});
	const changed = many.slice(0, together).filter(device => device !== 's2');
	t.deepEqual(deeds.slice(many.length), [
		...many.slice(0, together).map(device => `apply ${device} ${two}`),
		...changed.reverse().flatMap(device => [`check ${device} ${one}`, `apply ${device} ${one}`]),
		'discard s65', 'discard s66',
	]);
	deeds.length = 0;
	t.deepEqual(await firewall.apply(policy(one, many)), []);
});

test('a device that cannot forget hides no refusal and keeps no other from being put back', async t => {
	for (const refused of [`check s2 ${two}`, `apply s2 ${two}`]) {
		const {firewall, deeds} = notebook(deed => [refused, 'discard s1', 'discard s66'].includes(deed));
		await firewall.apply(policy(one, many));
		deeds.length = 0;
		await t.throwsAsync(firewall.apply(policy(two, many)), {message: endsWith(`${refused}: no`)});
		t.is(deeds.at(-1), 'discard s66');
		t.is(deeds.includes(`apply s1 ${one}`), refused.startsWith('apply'));
		deeds.length = 0;
		t.deepEqual(await firewall.apply(policy(one, many)), []);
	}
});

test('a device that takes neither the new policy nor the old one is named', async t => {
	const {firewall, deeds} = notebook(deed => [`apply s2 ${two}`, 'apply s1 plain'].includes(deed));
	const error = await t.throwsAsync(firewall.apply(policy(two, many)), {code: 'put-back'});
	t.is(deeds.at(-1), 'discard s66');
	t.regex(error.message, /apply s2 .*: no\ns1 keeps the new policy: .*apply s1 plain: no/);
});

test('a device that no policy names is unknown', async t => {
	const {firewall} = notebook();
	await firewall.apply(policy(one));
	await t.throwsAsync(firewall.list(['s3']), {code: 'unknown-device'});
});

test('an exchange that one device refuses is taken back beside the old driver, which stays', async t => {
	const old = notebook();
	const fresh = notebook(deed => deed === `apply s2 ${one}`, 'bare');
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
	await t.throwsAsync(firewall.apply(policy(one, ['s1', 's2'])), {message: endsWith(`apply s2 ${one}: no`)});
	t.deepEqual(beside, [true, true, true]);
	t.deepEqual(fresh.deeds.at(-1), 'apply s1 bare');
	t.deepEqual(old.deeds, []);
});

test('a switch is not given to a driver that does not begin from what it has: before anything changes, with a reason', async t => {
	const [old, fresh] = [notebook(), notebook(undefined, 'bare')];
	let current = old.driver;
	const firewall = new Firewall(() => current);
	await firewall.apply(compiled(switchPlan({device: 's1', rules: [one]})));
	const deeds = [...old.deeds];
	current = fresh.driver;
	await t.throwsAsync(firewall.apply(compiled(switchPlan({device: 's1', rules: [two]}))), {code: 'unsupported', message: /\n  s1: a switch has one pipeline of flows, .* give it to the switch when the lab comes up$/});
	t.deepEqual([old.deeds, fresh.deeds], [deeds, []]);
});

test('a device that does not answer is put back too, whatever it has', async t => {
	const {firewall, deeds} = notebook(deed => deed === `apply s2 ${two}` ? {unanswered: true} : false);
	await firewall.apply(policy(one, ['s1', 's2']));
	deeds.length = 0;
	await t.throwsAsync(firewall.apply(policy(two, ['s1', 's2'])), {instanceOf: DeviceError, message: /^s2 does not say whether it has changed\. /});
	t.deepEqual(deeds.slice(-4), [`check s2 ${one}`, `apply s2 ${one}, whatever it has of ${one}`, `check s1 ${one}`, `apply s1 ${one}`]);
	deeds.length = 0;
	t.deepEqual(await firewall.apply(policy(one, ['s1', 's2'])), []);
	t.deepEqual(deeds, []);
});

test('a device that cannot be put back is changed by the next change, whatever it has', async t => {
	let dead = true;
	const {firewall, deeds} = notebook(deed => dead && /^apply s1 /.test(deed) && deed !== `apply s1 ${one}` ? {unanswered: true} : dead && deed.startsWith(`apply s1 ${one}, `));
	await firewall.apply(policy(one, ['s1', 's2']));
	const error = await t.throwsAsync(firewall.apply(policy(two, ['s1', 's2'])), {code: 'put-back'});
	t.regex(error.message, /\ns1 may have the new policy: /);
	dead = false;
	deeds.length = 0;
	t.deepEqual(firewall.plan(policy(one, ['s1', 's2'])), [{device: 's1', added: [], removed: []}]);
	t.deepEqual(await firewall.apply(policy(one, ['s1', 's2'])), ['s1']);
	t.deepEqual(deeds, [`check s1 ${one}`, `apply s1 ${one}, whatever it has of ${two}`]);
	t.deepEqual(await firewall.apply(policy(one, ['s1', 's2'])), []);
});

test('what a replaced driver still has goes later, if not now, and its connection with it', async t => {
	let busy = true;
	const [old, fresh] = [notebook(deed => busy && deed.startsWith('apply s1 plain')), notebook(undefined, 'bare')];
	let current = old.driver;
	const firewall = new Firewall(() => current);
	await firewall.apply(policy(one, ['s1']));
	current = fresh.driver;
	t.deepEqual(await firewall.apply(policy(one, ['s1'])), ['s1']);
	await t.throwsAsync(firewall.retire(), {code: 'retire', message: /\n  s1: .*apply s1 plain: no$/});
	await t.throwsAsync(firewall.retire(), {code: 'retire'});
	t.false(old.deeds.includes('close s1'));
	busy = false;
	await firewall.retire();
	t.deepEqual(old.deeds.slice(-2), ['apply s1 plain, whatever it has of plain', 'close s1']);
	old.deeds.length = 0;
	await firewall.retire();
	t.deepEqual(old.deeds, []);
	firewall.close();
	t.is(fresh.deeds.at(-1), 'close s1');
});

test('what a replaced driver has of an uncertain device goes from whatever that is', async t => {
	let dead = true;
	const old = notebook(deed => dead && /^apply s1 /.test(deed) && deed !== `apply s1 ${one}` ? {unanswered: true} : dead && deed.startsWith(`apply s1 ${one}, `));
	const fresh = notebook(undefined, 'bare');
	let current = old.driver;
	const firewall = new Firewall(() => current);
	await firewall.apply(policy(one, ['s1']));
	await t.throwsAsync(firewall.apply(policy(two, ['s1'])), {code: 'put-back'});
	current = fresh.driver;
	await firewall.apply(policy(one, ['s1']));
	await t.throwsAsync(firewall.retire(), {code: 'retire'});
	t.is(old.deeds.at(-1), `apply s1 plain, whatever it has of ${two}`);
	dead = false;
	await firewall.retire();
	t.deepEqual(old.deeds.slice(-2), [`apply s1 plain, whatever it has of ${two} or plain`, 'close s1']);
});

test('a driver that cannot let go of a device keeps no other from it, and undoes nothing', async t => {
	const warnings: string[] = [];
	const warn = ({message}: Error) => warnings.push(message);
	process.on('warning', warn);
	const [old, fresh] = [notebook(), notebook(undefined, 'bare')];
	const stuck = {...old.driver, close(device: string) {
		old.driver.close(device);
		throw new Error('stuck');
	}};
	let current: typeof old.driver = stuck;
	const firewall = new Firewall(({device}) => device === 's3' ? stuck : current);
	await firewall.apply(policy(one, ['s1', 's2', 's3']));
	current = fresh.driver;
	await firewall.apply(policy(one, ['s1', 's2', 's3']));
	await firewall.retire();
	t.deepEqual(old.deeds.slice(-4), ['apply s1 plain', 'close s1', 'apply s2 plain', 'close s2']);
	firewall.close();
	t.deepEqual([old.deeds.at(-1), ...fresh.deeds.slice(-2)], ['close s3', 'close s1', 'close s2']);
	await new Promise(setImmediate);
	process.off('warning', warn);
	t.deepEqual(warnings, ['s1: stuck', 's2: stuck', 's3: stuck']);
});

test('a driver that comes back finds what it had left', async t => {
	const [old, fresh] = [notebook(deed => deed.startsWith('apply s1 plain')), notebook(undefined, 'bare')];
	let current = old.driver;
	const firewall = new Firewall(() => current);
	await firewall.apply(policy(one, ['s1']));
	current = fresh.driver;
	await firewall.apply(policy(one, ['s1']));
	await t.throwsAsync(firewall.retire(), {code: 'retire'});
	current = old.driver;
	t.deepEqual(await firewall.apply(policy(two, ['s1'])), ['s1']);
	t.is(old.deeds.at(-1), `apply s1 ${two}, whatever it has of plain`);
	await firewall.retire();
	t.deepEqual(fresh.deeds.slice(-2), ['apply s1 bare', 'close s1']);
});

test('a driver that does no more than it must', async t => {
	const {driver: {plain, supports, render, texts, differs, apply, list}, deeds} = notebook();
	const core = {plain, supports, render, texts, differs, apply, list};
	const firewall = new Firewall(() => core);
	await firewall.apply(policy(one, ['s1', 's2']));
	t.is(await firewall.revoke(() => ({action: 'deny', stateful: false, by: {kind: 'router'}})), 0);
	await firewall.settle();
	firewall.close();
	t.deepEqual(deeds, [`apply s1 ${one}`, `apply s2 ${one}`]);
});

test('a driver that begins from the same state as another goes on from what that one has, which lets go', async t => {
	const [old, fresh] = [notebook(), notebook()];
	let current = old.driver;
	const firewall = new Firewall(() => current);
	await firewall.apply(policy(one, ['s1']));
	current = fresh.driver;
	t.deepEqual(await firewall.apply(policy(one, ['s1'])), []);
	t.is(old.deeds.at(-1), 'close s1');
	t.deepEqual(await firewall.apply(policy(two, ['s1'])), ['s1']);
	await firewall.retire();
	t.deepEqual([old.deeds.length, fresh.deeds], [3, [`check s1 ${two}`, `apply s1 ${two}`]]);
});
