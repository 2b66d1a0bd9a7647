import fs, {existsSync, readFileSync, statSync} from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';
import {execa} from 'execa';
import test from 'ava';
import {createNamespaces, deleteNamespaces, inside, namespacePath, openNamespace} from '../../lib/kernel/namespace.ts';
import {KernelError} from '../../lib/util/errors.ts';
import {uniqueName} from '../helpers/names.ts';

const interfaces = () => readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n').slice(2).map(line => line.split(':')[0]?.trim()).filter(Boolean);

test.serial('a namespace has a loopback of its own and is known to ip netns', async t => {
	const name = uniqueName();
	const namespaces = createNamespaces([name]);
	t.teardown(() => {
		deleteNamespaces(namespaces);
	});
	const [namespace] = namespaces;
	t.true(namespace && inside(namespace, interfaces).includes('lo'));
	const {stdout} = await execa('ip', ['netns', 'list']);
	t.regex(stdout, new RegExp(`^${name}\\b`, 'm'));
});

test.serial('deleting takes the name and the namespace away', t => {
	const name = uniqueName();
	deleteNamespaces(createNamespaces([name]));
	t.false(existsSync(namespacePath(name)));
});

test.serial('a taken name is refused, and what was made before it is gone again', t => {
	const [first, taken] = [uniqueName(), uniqueName()];
	const others = createNamespaces([taken]);
	t.teardown(() => {
		deleteNamespaces(others);
	});
	const error = t.throws(() => createNamespaces([first, taken]), {instanceOf: KernelError});
	t.is(error.errno, 'EEXIST');
	t.true(error.message.includes(taken));
	t.false(existsSync(namespacePath(first)));
	t.true(existsSync(namespacePath(taken)));
});

test.serial('a failing configuration undoes its namespace and comes home', t => {
	const name = uniqueName();
	const before = statSync('/proc/thread-self/ns/net').ino;
	t.throws(() => createNamespaces([name], () => {
		throw new Error('no');
	}), {message: 'no'});
	t.false(existsSync(namespacePath(name)));
	t.is(statSync('/proc/thread-self/ns/net').ino, before);
});

test.serial('a namespace that cannot be opened is undone, and the error says why', t => {
	const name = uniqueName();
	const open = fs.openSync;
	fs.openSync = (path, flags, mode) => {
		if (path === namespacePath(name) && flags === 'r') {
			throw Object.assign(new Error('too many open files'), {code: 'EMFILE'});
		}

		return open(path, flags, mode);
	};
	syncBuiltinESMExports();
	t.teardown(() => {
		fs.openSync = open;
		syncBuiltinESMExports();
	});
	t.throws(() => createNamespaces([name]), {code: 'EMFILE'});
	t.false(existsSync(namespacePath(name)));
});

test.serial('inside refuses promises and nesting, and always comes home', t => {
	const namespaces = createNamespaces([uniqueName()]);
	t.teardown(() => {
		deleteNamespaces(namespaces);
	});
	const [namespace] = namespaces;
	const before = statSync('/proc/thread-self/ns/net').ino;
	if (namespace) {
		t.throws(() => inside(namespace, async () => Promise.resolve()), {instanceOf: TypeError});
		t.throws(() => { inside(namespace, () => {
			inside(namespace, () => undefined);
		}); }, {instanceOf: TypeError});
		t.throws(() => inside(namespace, () => {
			throw new RangeError('thrown inside');
		}), {instanceOf: RangeError});
	}

	t.is(statSync('/proc/thread-self/ns/net').ino, before);
});

test('an unknown namespace is an error that names it', t => {
	const error = t.throws(() => openNamespace('nobody-made-this'), {instanceOf: KernelError});
	t.is(error.errno, 'ENOENT');
	t.true(error.message.includes('nobody-made-this'));
});
