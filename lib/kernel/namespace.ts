/** Network namespaces by name, as `ip netns` knows them, without starting a program. */
import {closeSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync} from 'node:fs';
import {stat} from 'node:fs/promises';
import {KernelError, SecureNetError} from '../util/errors.ts';
import {CLONE_NEWNET, MS_BIND, MS_REC, MS_SHARED, mount, setns, unmount, unshare} from './syscall.ts';

/** Where `ip netns` looks. */
export const namespaceDirectory = '/run/netns';

export type Namespace = {
	/** As in `ip netns exec NAME`. */
	readonly name: string;
	readonly path: string;
	/** An open descriptor that keeps the namespace alive. */
	readonly fd: number;
};

/** `/proc/self` is the process's first thread; a Worker is elsewhere. */
const own = '/proc/thread-self/ns/net';

// The threads of libuv's pool inherit the namespace of the moment they start, so they start now, at home:
// otherwise a later asynchronous file operation could read or write another namespace's /proc/sys.
await stat('/');

/** The namespace this program was started in. */
export const home: Namespace = {name: 'the host', path: own, fd: openSync(own, 'r')};

let away = false;
/** Their descriptors' numbers may be another namespace's by now. */
const closed = new WeakSet<Namespace>();

/**
Runs a synchronous function on this thread inside a namespace. Sockets and children it makes stay there.
Equivalent to: `ip netns exec NAME …`

@throws SecureNetError `namespace-gone` when it has been closed; KernelError when it cannot be entered; ends the process when the way back fails, because everything after that would happen in the wrong network
*/
export function inside<Result>(namespace: Namespace, work: () => Result): Result {
	refuseNesting();
	if (closed.has(namespace)) {
		throw new SecureNetError('namespace-gone', `Namespace ${namespace.name} is gone: its lab has been taken down.`);
	}

	if (namespace === home) {
		// This thread is there already; to enter it once more would take root.
		return atOnce(work);
	}

	enter(namespace);
	try {
		return atOnce(work);
	} finally {
		goHome();
	}
}

function atOnce<Result>(work: () => Result): Result {
	const result = work();
	if (result instanceof Promise) {
		throw new TypeError('inside() takes a synchronous function: a promise would go on in the wrong namespace.');
	}

	return result;
}

function enter(namespace: Namespace): void {
	setns(namespace.fd, CLONE_NEWNET);
	away = true;
}

function goHome(): void {
	try {
		setns(home.fd, CLONE_NEWNET);
		away = false;
	} catch {
		process.abort();
	}
}

function refuseNesting(): void {
	if (away) {
		throw new TypeError('inside() does not nest: leave one namespace before entering another.');
	}
}

/**
Creates namespaces, running `configure` inside each while this thread is there anyway.
Equivalent to: `ip netns add NAME`, once a name

@throws KernelError EEXIST when a name is taken; the namespaces made before it are deleted again
*/
export function createNamespaces(names: readonly string[], configure: (namespace: Namespace) => void = () => undefined): Namespace[] {
	refuseNesting();
	prepareDirectory();
	claim(names);
	const made: Namespace[] = [];
	away = true;
	try {
		for (const name of names) {
			const namespace = create(name);
			made.push(namespace);
			configure(namespace);
		}
	} catch (error) {
		goHome();
		for (const namespace of made) {
			closeNamespace(namespace);
		}

		release(names);
		throw error;
	}

	goHome();
	return made;
}

function create(name: string): Namespace {
	const path = namespacePath(name);
	unshare(CLONE_NEWNET);
	mount(own, path, 'none', MS_BIND);
	return {name, path, fd: openSync(path, 'r')};
}

/**
Makes the files on which the namespaces will be mounted: one file, by all the names. A file of its own for each can take half a
millisecond where the directory is on a disk, as in some containers.
*/
function claim(names: readonly string[]): void {
	const [first = ''] = names;
	for (const [at, name] of names.entries()) {
		try {
			if (at === 0) {
				closeSync(openSync(namespacePath(first), 'wx', 0));
			} else {
				linkSync(namespacePath(first), namespacePath(name));
			}
		} catch (error) {
			release(names.slice(0, at));
			throw new KernelError('new namespace', (error as NodeJS.ErrnoException).code ?? 'unknown', name, {place: namespaceDirectory});
		}
	}
}

function release(names: readonly string[]): void {
	for (const name of names) {
		deleteNamespace(name);
	}
}

let isPrepared = false;

/** Does once what `ip netns add` does: names must be visible from every mount namespace, so the directory is a shared mount. */
function prepareDirectory(): void {
	if (isPrepared) {
		return;
	}

	isPrepared = true;
	mkdirSync(namespaceDirectory, {recursive: true});
	if (isSharedMount()) {
		return;
	}

	try {
		mount('', namespaceDirectory, 'none', MS_SHARED | MS_REC);
	} catch {
		mount(namespaceDirectory, namespaceDirectory, 'none', MS_BIND | MS_REC);
		mount('', namespaceDirectory, 'none', MS_SHARED | MS_REC);
	}
}

/** Fields of a line are in proc_pid_mountinfo(5): the fifth is the mount point, optional tags follow the sixth. */
function isSharedMount(): boolean {
	return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').some(line => {
		const fields = line.split(' ');
		return fields[4] === namespaceDirectory && fields.slice(6).some(field => field.startsWith('shared:'));
	});
}

/** Opens a namespace that exists, such as another lab's. @throws KernelError ENOENT */
export function openNamespace(name: string): Namespace {
	const path = namespacePath(name);
	try {
		return {name, path, fd: openSync(path, 'r')};
	} catch (error) {
		throw new KernelError('open namespace', (error as NodeJS.ErrnoException).code ?? 'unknown', name, {place: namespaceDirectory});
	}
}

/** From now on nothing can be done inside it. */
export function closeNamespace(namespace: Namespace): void {
	closed.add(namespace);
	closeSync(namespace.fd);
}

/**
Takes the names away and closes the descriptors; the kernel drops what is inside when the last process has left.
Equivalent to: `ip netns delete NAME`, once a name
*/
export function deleteNamespaces(namespaces: readonly Namespace[]): void {
	for (const namespace of namespaces) {
		closeNamespace(namespace);
		deleteNamespace(namespace.name);
	}
}

/** The same for a name alone. A name that is no longer there is fine. */
export function deleteNamespace(name: string): void {
	const path = namespacePath(name);
	ignoring(['EINVAL', 'ENOENT'], () => {
		unmount(path);
	});
	ignoring(['ENOENT'], () => {
		unlinkSync(path);
	});
}

function ignoring(errnos: readonly string[], work: () => void): void {
	try {
		work();
	} catch (error) {
		const errno = error instanceof KernelError ? error.errno : (error as NodeJS.ErrnoException).code;
		if (!errnos.includes(errno ?? '')) {
			throw error;
		}
	}
}

export function namespacePath(name: string): string {
	return `${namespaceDirectory}/${name}`;
}
