/** Routes that are added are what `ip` shows and what is listed, and deleting takes exactly them away. */
import test from 'ava';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {type Route, addRoute, deleteRoute, listRoutes, routeProtocols} from '../../lib/kernel/route.ts';
import {Rtnetlink, RtnetlinkError} from '../../lib/kernel/rtnetlink.ts';
import {formatPrefix, parseAddress, parsePrefix} from '../../lib/util/address.ts';
import {buildRouter} from '../helpers/router.ts';

const [near, far] = ['10.0.1.1', '10.0.2.1'].map(parseAddress);

/** As the router's `ip` shows the routes to a prefix, in all tables, without the families' defaults. */
async function shown(router: Namespace, to: string): Promise<string> {
	const {stdout} = await run(['ip', to.includes(':') ? '-6' : '-4', 'route', 'show', 'table', 'all', ...to === 'default' ? ['default'] : [to]], {namespace: router});
	return stdout.replaceAll(/\s+/g, ' ').replaceAll(/ pref medium/g, '').trim();
}

const kept = test.macro<[to: string, route: Omit<Route, 'to'>, expected: string]>({
	async exec(t, to, rest, expected) {
		const {router, down} = await buildRouter();
		t.teardown(down);
		const before = listRoutes(router, {table: 'all'});
		const route = {...rest, to: parsePrefix(to)};
		using rtnetlink = new Rtnetlink(router);
		addRoute(rtnetlink, route);
		rtnetlink.flush();
		t.is(await shown(router, formatPrefix(route.to)), expected);
		const [listed, ...others] = listRoutes(router, {table: 'all'}).filter(({to: {family, value, length}}) => family === route.to.family && value === route.to.value && length === route.to.length);
		t.deepEqual(others, []);
		t.like(listed, rest);
		// What is listed can be given back as it is.
		if (listed) {
			deleteRoute(rtnetlink, listed);
			rtnetlink.flush();
			addRoute(rtnetlink, listed);
			rtnetlink.flush();
			t.is(await shown(router, formatPrefix(route.to)), expected);
		}

		deleteRoute(rtnetlink, route);
		rtnetlink.flush();
		t.deepEqual(listRoutes(router, {table: 'all'}), before);
	},
	title: (_, to, _route, expected) => `a route to ${to}: ${expected}`,
});

test.serial(kept, '10.9.0.0/16', {via: near}, '10.9.0.0/16 via 10.0.1.1 dev r1 proto static');
test.serial(kept, '10.9.1.1', {via: near, protocol: routeProtocols.bgp, metric: 20}, '10.9.1.1 via 10.0.1.1 dev r1 proto bgp metric 20');
test.serial(kept, '10.9.0.0/16', {via: near, table: 1000}, '10.9.0.0/16 via 10.0.1.1 dev r1 table 1000 proto static');
test.serial(kept, '10.9.0.0/16', {type: 'blackhole'}, 'blackhole 10.9.0.0/16 proto static');
test.serial(kept, '10.9.0.0/16', {type: 'unreachable'}, 'unreachable 10.9.0.0/16 proto static');
test.serial(kept, '10.9.0.0/16', {type: 'prohibit'}, 'prohibit 10.9.0.0/16 proto static');
test.serial(kept, '10.9.0.0/16', {via: near, source: parseAddress('10.0.2.254')}, '10.9.0.0/16 via 10.0.1.1 dev r1 proto static src 10.0.2.254');
test.serial(kept, '10.9.0.0/16', {nextHops: [{via: near}, {via: far, weight: 3}]},
	'10.9.0.0/16 proto static nexthop via 10.0.1.1 dev r1 weight 1 nexthop via 10.0.2.1 dev r2 weight 3');
test.serial(kept, 'fd09::/64', {via: parseAddress('fd01::1'), protocol: routeProtocols.bgp}, 'fd09::/64 via fd01::1 dev r1 proto bgp metric 1024');
test.serial(kept, 'fd09::/64', {nextHops: [{via: parseAddress('fd01::1')}, {via: parseAddress('fd02::1')}]},
	'fd09::/64 proto static metric 1024 nexthop via fd01::1 dev r1 weight 1 nexthop via fd02::1 dev r2 weight 1');

test.serial('a route by an interface, one on its link against all addresses, and only those of one protocol', async t => {
	const {router, down} = await buildRouter();
	t.teardown(down);
	const index = listRoutes(router).find(({to}) => formatPrefix(to) === '10.0.1.0/24')?.interface;
	using rtnetlink = new Rtnetlink(router);
	addRoute(rtnetlink, {to: parsePrefix('10.9.1.0/24'), interface: index});
	addRoute(rtnetlink, {to: parsePrefix('10.9.2.0/24'), via: parseAddress('192.0.2.1'), interface: index, onlink: true, protocol: routeProtocols.bgp});
	rtnetlink.flush();
	t.is(await shown(router, '10.9.1.0/24'), '10.9.1.0/24 dev r1 proto static scope link');
	t.is(await shown(router, '10.9.2.0/24'), '10.9.2.0/24 via 192.0.2.1 dev r1 proto bgp onlink');
	t.deepEqual(listRoutes(router, {protocol: routeProtocols.bgp}).map(({to, onlink}) => [formatPrefix(to), onlink]), [['10.9.2.0/24', true]]);
});

test.serial('a route that is there is refused, unless it may be replaced; one that is not there cannot be deleted', async t => {
	const {router, down} = await buildRouter();
	t.teardown(down);
	const to = parsePrefix('10.9.0.0/16');
	using rtnetlink = new Rtnetlink(router);
	addRoute(rtnetlink, {to, via: near});
	rtnetlink.flush();
	addRoute(rtnetlink, {to, via: far});
	t.like(t.throws(() => {
		rtnetlink.flush();
	}, {instanceOf: RtnetlinkError}), {failures: [{errno: 'EEXIST', operation: 'new route', object: '10.9.0.0/16 via 10.0.2.1'}]});
	addRoute(rtnetlink, {to, via: far}, {replace: true});
	rtnetlink.flush();
	t.is(await shown(router, '10.9.0.0/16'), '10.9.0.0/16 via 10.0.2.1 dev r2 proto static');
	deleteRoute(rtnetlink, {to, via: near});
	t.like(t.throws(() => {
		rtnetlink.flush();
	}, {instanceOf: RtnetlinkError}), {failures: [{errno: 'ESRCH', operation: 'delete route', object: '10.9.0.0/16 via 10.0.1.1'}]});
});
