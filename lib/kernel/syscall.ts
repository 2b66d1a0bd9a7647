/** System calls by koffi, on the calling thread. Each throws KernelError with the errno's name; nothing here waits but `recv`, `lockExclusive` and `Epoll`. */
import {closeSync, readlinkSync} from 'node:fs';
import {getSystemErrorName} from 'node:util';
import koffi from 'koffi';
import {KernelError} from '../util/errors.ts';

/** Numbers of the Linux ABI: sched.h, sys/mount.h, sys/socket.h, sys/epoll.h, sys/file.h. */
export const CLONE_NEWNET = 0x40_00_00_00;
export const MS_BIND = 4096;
export const MS_REC = 16_384;
export const MS_SHARED = 1 << 20;
const MNT_DETACH = 2;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_LINGER = 13;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x40_00;
/** Node.js has no name for it. */
const EINPROGRESS = 115;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** The same numbers on every architecture: these calls came after the tables were unified. */
const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;
const SOCK_CLOEXEC = 0o2_000_000;
const EFD_CLOEXEC = 0o2_000_000;
const EPOLL_CLOEXEC = 0o2_000_000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;

const libc = koffi.load('libc.so.6');
const c = {
	unshare: libc.func('int unshare(int flags)'),
	setns: libc.func('int setns(int fd, int type)'),
	mount: libc.func('int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)'),
	umount2: libc.func('int umount2(const char *target, int flags)'),
	socket: libc.func('int socket(int domain, int type, int protocol)'),
	send: libc.func('long send(int fd, const void *buffer, size_t length, int flags)'),
	sendto: libc.func('long sendto(int fd, const void *buffer, size_t length, int flags, const void *address, unsigned int size)'),
	recv: libc.func('long recv(int fd, _Out_ void *buffer, size_t length, int flags)'),
	recvfrom: libc.func('long recvfrom(int fd, _Out_ void *buffer, size_t length, int flags, _Out_ void *address, _Inout_ uint32_t *size)'),
	bind: libc.func('int bind(int fd, const void *address, unsigned int size)'),
	listen: libc.func('int listen(int fd, int backlog)'),
	accept: libc.func('int accept4(int fd, void *address, void *size, int flags)'),
	connect: libc.func('int connect(int fd, const void *address, unsigned int size)'),
	getsockname: libc.func('int getsockname(int fd, _Out_ void *address, _Inout_ uint32_t *size)'),
	setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, unsigned int size)'),
	ioctl: libc.func('int ioctl(int fd, unsigned long request, _Inout_ void *argument)'),
	eventfd: libc.func('int eventfd(unsigned int start, int flags)'),
	ioctlNumber: libc.func('int ioctl(int fd, unsigned long request, long argument)'),
	epollCreate: libc.func('int epoll_create1(int flags)'),
	epollControl: libc.func('int epoll_ctl(int epoll, int operation, int fd, const void *event)'),
	epollWait: libc.func('int epoll_wait(int epoll, _Out_ void *events, int size, int timeout)'),
	flock: libc.func('int flock(int fd, int operation)'),
	pidfdOpen: libc.func('long syscall(long number, int pid, unsigned int flags)'),
	pidfdSendSignal: libc.func('long syscall(long number, int fd, int signal, void *info, unsigned int flags)'),
};

/** `ENOENT` for 2, and so on. */
export function errnoName(errno: number): string {
	return getSystemErrorName(-errno);
}

function checked(result: unknown, call: string, object: string): number {
	const value = Number(result);
	if (value < 0) {
		throw new KernelError(call, errnoName(koffi.errno()), object);
	}

	return value;
}

/** Moves this thread into new namespaces. Equivalent to: `unshare --net` without a program. */
export function unshare(flags: number): void {
	checked(c.unshare(flags), 'unshare', `flags 0x${flags.toString(16)}`);
}

/** Moves this thread into the namespace behind `fd`. */
export function setns(fd: number, type: number): void {
	checked(c.setns(fd, type), 'setns', `namespace fd ${fd}`);
}

export function mount(source: string, target: string, type: string, flags: number): void {
	checked(c.mount(source, target, type, flags, null), 'mount', target);
}

/** Equivalent to: `umount --lazy TARGET`. */
export function unmount(target: string): void {
	checked(c.umount2(target, MNT_DETACH), 'umount', target);
}

/** The descriptor is closed on exec; close it with `close`. */
export function socket(domain: number, type: number, protocol: number): number {
	return checked(c.socket(domain, type | SOCK_CLOEXEC, protocol), 'socket', `domain ${domain} type ${type} protocol ${protocol}`);
}

export function close(fd: number): void {
	closeSync(fd);
}

/** Bytes sent. */
export function send(fd: number, bytes: Uint8Array, length: number): number {
	return checked(c.send(fd, bytes, length, 0), 'send', `fd ${fd}`);
}

/** Undefined when the datagram went out, else the errno's name: for callers that expect refusals. */
export function trySendTo(fd: number, bytes: Uint8Array, address: Uint8Array): string | undefined {
	return Number(c.sendto(fd, bytes, bytes.length, 0, address, address.length)) < 0 ? errnoName(koffi.errno()) : undefined;
}

/** Bytes received; waits. */
export function recv(fd: number, buffer: Uint8Array): number {
	return checked(c.recv(fd, buffer, buffer.length, 0), 'recv', `fd ${fd}`);
}

/** Bytes received, or undefined when nothing is there or the socket reports an error of an earlier packet. Never waits. */
export function tryRecv(fd: number, buffer: Uint8Array): number | undefined {
	const length = Number(c.recv(fd, buffer, buffer.length, MSG_DONTWAIT));
	return length < 0 ? undefined : length;
}

/** The same, and writes where it came from into `address`. */
export function tryRecvFrom(fd: number, buffer: Uint8Array, address: Uint8Array): number | undefined {
	const length = Number(c.recvfrom(fd, buffer, buffer.length, MSG_DONTWAIT, address, [address.length]));
	return length < 0 ? undefined : length;
}

/** Undefined when the bytes went out, else the errno's name. Never waits and raises no signal. */
export function trySend(fd: number, bytes: Uint8Array): string | undefined {
	return Number(c.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0 ? errnoName(koffi.errno()) : undefined;
}

export function bind(fd: number, address: Uint8Array, object: string): void {
	checked(c.bind(fd, address, address.length), 'bind', object);
}

export function listen(fd: number, backlog: number): void {
	checked(c.listen(fd, backlog), 'listen', `fd ${fd}`);
}

/** The next connection that is waiting, as a socket that never waits; undefined when there is none. */
export function tryAccept(fd: number): number | undefined {
	const accepted = Number(c.accept(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC));
	return accepted < 0 ? undefined : accepted;
}

/** Undefined when the socket is connected or on its way there, else the errno's name, such as ENETUNREACH. */
export function tryConnect(fd: number, address: Uint8Array): string | undefined {
	return Number(c.connect(fd, address, address.length)) < 0 && koffi.errno() !== EINPROGRESS ? errnoName(koffi.errno()) : undefined;
}

/** Writes the socket's own address into `address`. */
export function localAddress(fd: number, address: Uint8Array): void {
	checked(c.getsockname(fd, address, [address.length]), 'getsockname', `fd ${fd}`);
}

export function setSocketOption(fd: number, level: number, name: number, value: number | Uint8Array): void {
	const bytes = typeof value === 'number' ? Uint8Array.from(new Uint8Array(Int32Array.of(value).buffer)) : value;
	checked(c.setsockopt(fd, level, name, bytes, bytes.length), 'setsockopt', `level ${level} option ${name}`);
}

/** @param argument read and written in place */
export function ioctl(fd: number, request: number, argument: Uint8Array, object: string): void {
	checked(c.ioctl(fd, request, argument), `ioctl 0x${request.toString(16)}`, object);
}

/** For requests whose argument is a number itself, such as those of tun devices. */
export function ioctlNumber(fd: number, request: number, argument: number, object: string): void {
	checked(c.ioctlNumber(fd, request, argument), `ioctl 0x${request.toString(16)}`, object);
}

/** Milliseconds between two attempts at a lock. */
const lockPause = 10;

/** Takes an exclusive lock if nobody has it; released by `close`. */
export function tryLockExclusive(fd: number): boolean {
	const isTaken = Number(c.flock(fd, LOCK_EX | LOCK_NB)) < 0;
	const errno = isTaken ? errnoName(koffi.errno()) : '';
	if (isTaken && errno !== 'EAGAIN') {
		throw new KernelError('lock', errno, readlinkSync(`/proc/self/fd/${fd}`));
	}

	return !isTaken;
}

/**
Takes an exclusive lock on a file, waiting for whoever has it. Released by `close`.

@param limit milliseconds for which this thread may stand still
@throws KernelError EAGAIN naming the file, when another process keeps the lock for longer
*/
export function lockExclusive(fd: number, limit = 5000): void {
	const begin = performance.now();
	while (!tryLockExclusive(fd)) {
		if (performance.now() - begin > limit) {
			throw new KernelError('lock', 'EAGAIN', readlinkSync(`/proc/self/fd/${fd}`), {reason: `another process has kept the lock for ${limit / 1000} s`});
		}

		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockPause);
	}
}

/** A descriptor of a process, readable once it has ended; undefined when there is no such process. See pidfd_open(2). */
export function openProcess(pid: number): number | undefined {
	const fd = Number(c.pidfdOpen(SYS_pidfd_open, pid, 0));
	return fd < 0 ? undefined : fd;
}

/** Signals exactly the process that was opened, even if its number is another's by now. One that has ended is fine. */
export function signalProcess(fd: number, signal: number): void {
	c.pidfdSendSignal(SYS_pidfd_send_signal, fd, signal, null, 0);
}

/** A descriptor that becomes readable when eight bytes are written to it, a number that is not 0; see eventfd(2). Close it with `close`. */
export function eventFd(): number {
	return checked(c.eventfd(0, EFD_CLOEXEC | SOCK_NONBLOCK), 'eventfd', 'eventfd');
}

/** Waits for readable sockets, each known by the number it was added with. */
export class Epoll {
	/** Size of struct epoll_event on x86-64, where it is packed; 16 elsewhere. */
	static readonly #eventSize = process.arch === 'x64' ? 12 : 16;
	static readonly #dataOffset = Epoll.#eventSize - 8;
	static readonly #most = 256;
	readonly #fd = checked(c.epollCreate(EPOLL_CLOEXEC), 'epoll_create1', 'epoll');
	readonly #events = Buffer.alloc(Epoll.#eventSize * Epoll.#most);

	add(fd: number, tag: number): void {
		const event = Buffer.alloc(Epoll.#eventSize);
		event.writeUInt32LE(EPOLLIN, 0);
		event.writeUInt32LE(tag, Epoll.#dataOffset);
		checked(c.epollControl(this.#fd, EPOLL_CTL_ADD, fd, event), 'epoll_ctl', `fd ${fd}`);
	}

	/** Tags of the sockets that are readable now. */
	poll(): number[] {
		return this.#tags(Number(c.epollWait(this.#fd, this.#events, Epoll.#most, 0)));
	}

	/** The same, waiting up to `timeout` ms off the main thread, so that signals and timers go on. */
	async wait(timeout: number): Promise<number[]> {
		const count = await new Promise<number>((resolve, reject) => {
			c.epollWait.async(this.#fd, this.#events, Epoll.#most, timeout, (error: Error | null, result: number) => {
				if (error) {
					reject(error);
				} else {
					resolve(result);
				}
			});
		});
		return this.#tags(count);
	}

	remove(fd: number): void {
		checked(c.epollControl(this.#fd, EPOLL_CTL_DEL, fd, null), 'epoll_ctl', `fd ${fd}`);
	}

	close(): void {
		close(this.#fd);
	}

	#tags(count: number): number[] {
		return Array.from({length: Math.max(0, count)}, (_, index) => this.#events.readUInt32LE((index * Epoll.#eventSize) + Epoll.#dataOffset));
	}
}
