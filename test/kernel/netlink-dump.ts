/** Dumps that are interrupted: by a change of the table, by a lack of buffers, by a refusal. */
import {closeSync, openSync} from 'node:fs';
import anyTest, {type TestFn} from 'ava';
import {addAddress} from '../../lib/kernel/address.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {type Dump, dump} from '../../lib/kernel/netlink-dump.ts';
import {Rtnetlink} from '../../lib/kernel/rtnetlink.ts';
import {SOL_SOCKET, send, setSocketOption} from '../../lib/kernel/syscall.ts';
import {parseInterfaceAddress} from '../../lib/util/address.ts';
import {KernelError} from '../../lib/util/errors.ts';
import {testNamespaces} from '../helpers/fabric.ts';

const test = anyTest as TestFn<Namespace>;
const count = 3000;
const NETLINK_ROUTE = 0;
const RTM_GETADDR = 22;
const SO_RCVBUF = 8;

test.beforeEach(t => {
	[t.context] = testNamespaces('dump') as [Namespace];
	using rtnetlink = new Rtnetlink(t.context);
	for (let number = 0; number < count; number++) {
		add(rtnetlink, number);
	}

	rtnetlink.flush();
});
test.afterEach.always(t => {
	deleteNamespaces([t.context]);
});

/** The loopback interface is the first of every namespace. */
function add(rtnetlink: Rtnetlink, number: number): void {
	addAddress(rtnetlink, {name: 'lo', index: 1}, parseInterfaceAddress(`10.1.${number >> 8}.${number & 255}/32`));
}

/** All IPv4 addresses; `read` is told how many messages it has read before, over all attempts. */
function addresses(read: (before: number) => void): Dump<string> {
	let before = 0;
	return {
		protocol: NETLINK_ROUTE,
		type: RTM_GETADDR,
		object: 'addresses',
		fill: request => request.fixed(8, header => {
			header[0] = 2;
		}),
		read(payload) {
			read(before++);
			return payload.toString('hex');
		},
	};
}

test.serial('a table that changes while it is read is read again', t => {
	using rtnetlink = new Rtnetlink(t.context);
	let reads = 0;
	const found = dump(t.context, addresses(before => {
		reads++;
		if (before === 0) {
			add(rtnetlink, count);
			rtnetlink.flush();
		}
	}));
	t.is(new Set(found).size, count + 1);
	t.is(found.length, count + 1);
	t.true(reads > found.length);
});

test.serial('a table that never stands still is given up', t => {
	using rtnetlink = new Rtnetlink(t.context);
	let more = count;
	const error = t.throws(() => dump(t.context, addresses(before => {
		if (before % 50 === 0) {
			add(rtnetlink, more++);
			rtnetlink.flush();
		}
	})), {instanceOf: KernelError});
	t.is(error.message, `list addresses in ${t.context.name}: EINTR (interrupted 10 times; try again when less changes)`);
});

test.serial('a socket without room for its answers is replaced by another', t => {
	// The descriptor that the dump's socket will get: the lowest free one.
	const fd = openSync('/dev/null', 'r');
	closeSync(fd);
	let reads = 0;
	const found = dump(t.context, addresses(before => {
		reads++;
		if (before === 0) {
			flood(fd);
		}
	}));
	t.is(new Set(found).size, count);
	t.true(reads > count);
});

/** Makes the receive buffer small and asks for more acknowledgements than it holds. */
function flood(fd: number): void {
	setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, 1);
	const noop = Buffer.alloc(16);
	noop.writeUInt32LE(noop.length, 0);
	noop.writeUInt16LE(1, 4);
	noop.writeUInt16LE(1 | 4, 6);
	for (let sent = 0; sent < 100; sent++) {
		send(fd, noop, noop.length);
	}
}

test.serial('a refusal is told with the kernel\'s errno', t => {
	const nowhere = {...addresses(() => undefined), protocol: 12, type: 0x7F_00, object: 'nothing'};
	t.throws(() => dump(t.context, nowhere), {instanceOf: KernelError, message: `list nothing in ${t.context.name}: EINVAL`});
});
