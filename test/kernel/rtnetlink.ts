import {execa} from 'execa';
import test from 'ava';
import {addAddress} from '../../lib/kernel/address.ts';
import {turnTxChecksumOff} from '../../lib/kernel/ethtool.ts';
import {addBridge, addVeth, setLinkUp, setMaster} from '../../lib/kernel/link.ts';
import {type Namespace, createNamespaces, deleteNamespaces, inside} from '../../lib/kernel/namespace.ts';
import {addNeighbor} from '../../lib/kernel/neighbor.ts';
import {addRoute} from '../../lib/kernel/route.ts';
import {Rtnetlink, RtnetlinkError} from '../../lib/kernel/rtnetlink.ts';
import {getSysctl, setSysctl} from '../../lib/kernel/sysctl.ts';
import {macFromNumber, parseAddress, parseInterfaceAddress, parsePrefix} from '../../lib/util/address.ts';
import {KernelError} from '../../lib/util/errors.ts';
import {uniqueName} from '../helpers/names.ts';

/** Two namespaces joined by a veth pair, both ends up. */
function pair(t: {teardown: (undo: () => void) => void}): {a: Namespace; b: Namespace; ends: ReturnType<typeof endsOf>; rtnetlink: Rtnetlink} {
	const [a, b] = createNamespaces([uniqueName(), uniqueName()]) as [Namespace, Namespace];
	t.teardown(() => {
		deleteNamespaces([a, b]);
	});
	const rtnetlink = new Rtnetlink(a);
	t.teardown(() => {
		rtnetlink.close();
	});
	const ends = endsOf(a, b);
	addVeth(rtnetlink, ends);
	rtnetlink.flush();
	return {a, b, ends, rtnetlink};
}

function endsOf(a: Namespace, b: Namespace) {
	return [
		{name: 'left', index: 10, namespace: a, mac: macFromNumber(1), mtu: 1400},
		{name: 'right', index: 20, namespace: b, mac: macFromNumber(2), mtu: 1500},
	] as const;
}

type IpObject = Record<string, unknown> & {operstate?: string; addr_info?: Array<{local: string; prefixlen: number}>};

async function ip(namespace: Namespace, ...words: string[]): Promise<IpObject[]> {
	const {stdout} = await execa('ip', ['-json', '-detail', '-netns', namespace.name, ...words]);
	return JSON.parse(stdout || '[]') as IpObject[];
}

test.serial('a veth pair has both ends in place with index, MAC and MTU', async t => {
	const {a, b} = pair(t);
	const [left] = await ip(a, 'link', 'show', 'left');
	const [right] = await ip(b, 'link', 'show', 'right');
	t.like(left, {ifindex: 10, address: '02:00:00:00:00:01', mtu: 1400});
	t.like(right, {ifindex: 20, address: '02:00:00:00:00:02', mtu: 1500});
});

test.serial('addresses, routes and neighbours of both families are what ip shows', async t => {
	const {a, b, rtnetlink} = pair(t);
	using other = new Rtnetlink(b);
	setLinkUp(other, {name: 'right', index: 20}, true);
	other.flush();
	addAddress(rtnetlink, {name: 'left', index: 10}, parseInterfaceAddress('10.0.0.1/24'));
	addAddress(rtnetlink, {name: 'left', index: 10}, parseInterfaceAddress('fd00::1/64'));
	addRoute(rtnetlink, {to: parsePrefix('0.0.0.0/0'), via: parseAddress('10.0.0.254')});
	addRoute(rtnetlink, {to: parsePrefix('192.0.2.0/24'), interface: 10});
	addRoute(rtnetlink, {to: parsePrefix('fd01::/64'), via: parseAddress('fd00::254')});
	addNeighbor(rtnetlink, 10, parseAddress('10.0.0.2'), macFromNumber(2));
	addNeighbor(rtnetlink, 10, parseAddress('fd00::2'), macFromNumber(2));
	rtnetlink.flush();
	const [left] = await ip(a, 'address', 'show', 'left');
	t.deepEqual(left?.addr_info?.filter(({local}) => !local.startsWith('fe80')).map(({local, prefixlen}) => `${local}/${prefixlen}`), ['10.0.0.1/24', 'fd00::1/64']);
	const routes = await ip(a, 'route');
	t.true(routes.some(route => route['dst'] === 'default' && route['gateway'] === '10.0.0.254'));
	t.true(routes.some(route => route['dst'] === '192.0.2.0/24' && route['dev'] === 'left'));
	t.true((await ip(a, '-6', 'route')).some(route => route['dst'] === 'fd01::/64' && route['gateway'] === 'fd00::254'));
	const neighbors = await ip(a, 'neighbor');
	t.deepEqual(neighbors.map(({dst, lladdr, state}) => ({dst, lladdr, state})).sort((x, y) => String(x.dst).localeCompare(String(y.dst))), [
		{dst: '10.0.0.2', lladdr: '02:00:00:00:00:02', state: ['PERMANENT']},
		{dst: 'fd00::2', lladdr: '02:00:00:00:00:02', state: ['PERMANENT']},
	]);
});

test.serial('both ends of a link can be ports of bridges of one namespace', async t => {
	const namespaces = createNamespaces([uniqueName()]) as [Namespace];
	t.teardown(() => {
		deleteNamespaces(namespaces);
	});
	const [fabric] = namespaces;
	using rtnetlink = new Rtnetlink(fabric);
	addBridge(rtnetlink, {name: 'b1', index: 100, stp: false});
	addBridge(rtnetlink, {name: 'b2', index: 200, stp: true});
	const [left, right] = endsOf(fabric, fabric);
	addVeth(rtnetlink, [{...left, master: 100}, right]);
	setMaster(rtnetlink, right, 200);
	setLinkUp(rtnetlink, right, true);
	rtnetlink.flush();
	t.like((await ip(fabric, 'link', 'show', 'left'))[0], {master: 'b1', operstate: 'UP'});
	t.like((await ip(fabric, 'link', 'show', 'right'))[0], {master: 'b2', operstate: 'UP'});
	t.like((await ip(fabric, 'link', 'show', 'b2'))[0], {linkinfo: {info_data: {stp_state: 1}}});
});

test.serial('every refused request of a batch is reported, with the kernel\'s words; the others take effect', async t => {
	const {a, ends, rtnetlink} = pair(t);
	addVeth(rtnetlink, ends);
	addRoute(rtnetlink, {to: parsePrefix('10.9.0.0/16'), via: parseAddress('10.8.0.1')});
	addAddress(rtnetlink, {name: 'left', index: 10}, parseInterfaceAddress('10.0.0.1/24'));
	const error = t.throws(() => {
		rtnetlink.flush();
	}, {instanceOf: RtnetlinkError});
	t.deepEqual(error.failures.map(({errno, operation, object}) => ({errno, operation, object})), [
		{errno: 'EEXIST', operation: 'new link', object: 'left – right'},
		{errno: 'ENETUNREACH', operation: 'new route', object: '10.9.0.0/16 via 10.8.0.1'},
	]);
	t.is(error.failures[1]?.reason, 'Nexthop has invalid gateway');
	t.regex(error.message, new RegExp(`new link left – right in ${a.name}: EEXIST.*and 1 more`));
	t.is((await ip(a, 'address', 'show', 'left'))[0]?.addr_info?.length, 1);
	t.notThrows(() => {
		rtnetlink.flush();
	});
});

test.serial('a batch larger than the socket\'s buffer is sent in parts', async t => {
	const {a, rtnetlink} = pair(t);
	for (let number = 0; number < 3000; number++) {
		addNeighbor(rtnetlink, 10, parseAddress(`10.1.${number >> 8}.${number & 255}`), macFromNumber(number));
	}

	rtnetlink.flush();
	t.is((await ip(a, 'neighbor')).length, 3000);
});

test.serial('a refusal in a part that is sent early is told by flush, and add goes on', async t => {
	const {a, rtnetlink} = pair(t);
	addRoute(rtnetlink, {to: parsePrefix('10.9.0.0/16'), via: parseAddress('10.8.0.1')});
	for (let number = 0; number < 3000; number++) {
		addNeighbor(rtnetlink, 10, parseAddress(`10.1.${number >> 8}.${number & 255}`), macFromNumber(number));
	}

	addRoute(rtnetlink, {to: parsePrefix('10.7.0.0/16'), via: parseAddress('10.8.0.1')});
	const error = t.throws(() => {
		rtnetlink.flush();
	}, {instanceOf: RtnetlinkError});
	t.deepEqual(error.failures.map(({object}) => object), ['10.9.0.0/16 via 10.8.0.1', '10.7.0.0/16 via 10.8.0.1']);
	t.is((await ip(a, 'neighbor')).length, 3000);
	t.notThrows(() => {
		rtnetlink.flush();
	});
});

test.serial('turning an offload off names an interface that is not there', t => {
	const {a} = pair(t);
	const error = t.throws(() => {
		inside(a, () => {
			turnTxChecksumOff(['left', 'nothing']);
		});
	}, {instanceOf: KernelError});
	t.like(error, {errno: 'ENODEV', object: 'nothing'});
});

test.serial('sysctls are those of the namespace', t => {
	const {a} = pair(t);
	inside(a, () => {
		setSysctl('net/ipv4/conf/left/proxy_arp', 1);
	});
	t.is(inside(a, () => getSysctl('net/ipv4/conf/left/proxy_arp')), '1');
	t.throws(() => getSysctl('net/ipv4/conf/left/proxy_arp'), {instanceOf: KernelError, message: /ENOENT/});
});
