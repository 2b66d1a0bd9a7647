/** Errors: their exit statuses, their JSON, and problems that come together. */
import test from 'ava';
import {type ExitStatus, InputError, KernelError, MachineError, SecureNetError, messageOf} from '../../lib/util/errors.ts';
import {Problems, ProblemsError} from '../../lib/util/problems.ts';

const exits = test.macro({
	exec(t, error: SecureNetError, status: ExitStatus, name: string) {
		t.is(error.exitStatus, status);
		t.is(error.name, name);
		t.true(error instanceof SecureNetError);
	},
	title: (_, error: SecureNetError, status: ExitStatus) => `${error.name} exits with ${status}`,
});

test(exits, new SecureNetError('failed', 'It failed.'), 1, 'SecureNetError');
test(exits, new InputError('usage', 'It is wrong.'), 2, 'InputError');
test(exits, new MachineError('root', 'It cannot.'), 3, 'MachineError');
test(exits, new KernelError('new link', 'EEXIST', 'h1-eth0'), 1, 'KernelError');
test(exits, new ProblemsError('Wrong:', []), 2, 'ProblemsError');

test('as JSON: code, message and details', t => {
	t.deepEqual(JSON.parse(JSON.stringify(new InputError('quote', 'Open.', {column: 3, expected: ['"']}))), {code: 'quote', message: 'Open.', column: 3, expected: ['"']});
});

test('a kernel error says what was done, to what, where, and the kernel\'s own words', t => {
	t.is(new KernelError('new link', 'EEXIST', 'h1-eth0').message, 'new link h1-eth0: EEXIST');
	t.is(new KernelError('new link', 'EINVAL', 'h1-eth0', {reason: 'mtu less than device minimum', place: 'lab.h1'}).message, 'new link h1-eth0 in lab.h1: EINVAL (mtu less than device minimum)');
});

test('problems come together, one a line', t => {
	const problems = new Problems();
	t.notThrows(() => {
		problems.throwIfAny('Wrong:');
	});
	problems.add('h1', 'it is linked to itself', 'Link two nodes');
	problems.add('s1', 'port 2 is used twice', 'Give each link a port of its own');
	const error = t.throws(() => {
		problems.throwIfAny('Wrong:');
	}, {instanceOf: ProblemsError});
	t.is(error.message, 'Wrong:\n  h1: it is linked to itself. Link two nodes.\n  s1: port 2 is used twice. Give each link a port of its own.');
	t.deepEqual(error.toJSON(), {code: 'problems', message: error.message, problems: problems.list});
});

test('the message of anything thrown', t => {
	t.is(messageOf(new Error('x')), 'x');
	t.is(messageOf('y'), 'y');
	t.is(messageOf(undefined), 'undefined');
});
