/** TUN and TAP devices on a real kernel. */
import {readSync} from 'node:fs';
import test, {type ExecutionContext} from 'ava';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {close} from '../../lib/kernel/syscall.ts';
import {addTun, deleteTun, openTun} from '../../lib/kernel/tun.ts';
import {testNamespaces} from '../helpers/fabric.ts';

type Shown = {ifname: string; ifindex: number; mtu: number; txqlen: number; link_type: string; address?: string; flags: string[]; linkinfo?: {info_kind: string; info_data: {type: string; pi: boolean; vnet_hdr: boolean; persist: boolean}}};

/** Each test has a namespace of its own. */
function scene(t: ExecutionContext): Namespace {
	const [namespace] = testNamespaces('tun') as [Namespace];
	t.teardown(() => {
		deleteNamespaces([namespace]);
	});
	return namespace;
}

/** Closes a descriptor with the test, unless that has done it. */
function held(t: ExecutionContext, fd: number): () => void {
	let isOpen = true;
	const end = () => {
		if (isOpen) {
			close(fd);
		}

		isOpen = false;
	};
	t.teardown(end);
	return end;
}

/** Of the kind only: where the kernel has other tunnels, one of each stands in every namespace. */
async function links(namespace: Namespace): Promise<Shown[]> {
	const {stdout} = await run(['ip', '-json', '-details', 'link', 'show'], {namespace});
	return (JSON.parse(stdout) as Shown[]).filter(({linkinfo}) => linkinfo?.info_kind === 'tun');
}

test('a TUN device is made as it is told, and goes with its descriptor', async t => {
	const namespace = scene(t);
	const end = held(t, openTun(namespace, {name: 'tun7', mode: 'layer3', index: 77, mtu: 1476, queueLength: 64, packetInformation: true}));
	const [shown] = await links(namespace);
	t.like(shown, {ifname: 'tun7', ifindex: 77, mtu: 1476, txqlen: 64, link_type: 'none', linkinfo: {info_data: {type: 'tun', pi: true, vnet_hdr: false, persist: false}}});
	t.false(shown?.flags.includes('UP'));
	end();
	t.deepEqual(await links(namespace), []);
});

test('a TAP device has its MAC', async t => {
	const namespace = scene(t);
	held(t, openTun(namespace, {name: 'tap7', mode: 'layer2', mac: '02:00:00:00:00:07', offload: true}));
	t.like((await links(namespace))[0], {ifname: 'tap7', mtu: 1500, txqlen: 1000, link_type: 'ether', address: '02:00:00:00:00:07', linkinfo: {info_data: {type: 'tap', pi: false, vnet_hdr: true}}});
});

test('packet information is what GRE has: flags, and the protocol', async t => {
	const namespace = scene(t);
	const fd = openTun(namespace, {name: 'tun0', mode: 'layer3', packetInformation: true});
	held(t, fd);
	const buffer = Buffer.alloc(2048);
	t.throws(() => readSync(fd, buffer), {code: 'EAGAIN'}, 'reads do not wait');
	await run(['sysctl', '-qw', 'net.ipv6.conf.tun0.disable_ipv6=1'], {namespace});
	await run(['ip', '-batch', '-'], {namespace, input: 'link set tun0 up\naddress add 10.0.0.1/24 dev tun0\n'});
	await t.throwsAsync(run(['ping', '-c1', '-W0.1', '10.0.0.2'], {namespace}));
	t.is(readSync(fd, buffer), 4 + 84);
	t.is(buffer.toString('hex', 0, 6), '000008004500');
});

test('a device that is kept is there without a program, and what a program leaves behind is as before', async t => {
	const namespace = scene(t);
	addTun(namespace, {name: 'tun0', mode: 'layer3', index: 40});
	addTun(namespace, {name: 'tap0', mode: 'layer2', mac: '02:00:00:00:00:08'});
	await run(['ip', '-batch', '-'], {namespace, input: 'link set tun0 up\naddress add 10.0.0.1/24 dev tun0\nroute add 10.1.0.0/16 dev tun0\n'});
	// As `ssh -w` does it.
	const end = held(t, openTun(namespace, {name: 'tun0', mode: 'layer3'}));
	t.throws(() => {
		deleteTun(namespace, {name: 'tun0', mode: 'layer3'});
	}, {message: /^delete tun device tun0 in .*: EBUSY/});
	end();
	t.like((await links(namespace)).map(({ifname, ifindex}) => [ifname, ifindex]).find(([name]) => name === 'tun0'), ['tun0', 40]);
	t.regex((await run(['ip', 'route'], {namespace})).stdout, /^10\.1\.0\.0\/16 dev tun0/m);
	for (const times of ['once', 'twice']) {
		deleteTun(namespace, {name: 'tun0', mode: 'layer3'});
		t.deepEqual((await links(namespace)).map(({ifname}) => ifname), ['tap0'], times);
	}

	deleteTun(namespace, {name: 'tap0', mode: 'layer2'});
	t.deepEqual(await links(namespace), []);
});

test('what cannot be made is told with its name, and leaves nothing', async t => {
	const namespace = scene(t);
	held(t, openTun(namespace, {name: 'tun0', mode: 'layer3', index: 50}));
	const attempt = (options: Parameters<typeof openTun>[1]) => () => openTun(namespace, options);
	t.throws(attempt({name: 'tun0', mode: 'layer3'}), {message: `new tun device tun0 in ${namespace.name}: EBUSY`});
	t.throws(attempt({name: 'tun1', mode: 'layer3', index: 50}), {message: `new tun device tun1 in ${namespace.name}: EBUSY`});
	t.throws(attempt({name: 'tap1', mode: 'layer2', mtu: 7}), {message: `new tap device tap1 in ${namespace.name}: EINVAL`});
	t.deepEqual((await links(namespace)).map(({ifname}) => ifname), ['tun0']);
});
