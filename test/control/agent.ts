/** The agent: what it finds of its own it adopts or removes, what is others' it leaves alone, and what the kernel forgets it puts back. */
import {EventEmitter, once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {Agent, type AgentListener, type Known} from '../../lib/control/agent.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {listRoutes} from '../../lib/kernel/route.ts';
import {Rtnetlink} from '../../lib/kernel/rtnetlink.ts';
import {parseAddress, parsePrefix} from '../../lib/util/address.ts';
import {eventually} from '../helpers/eventually.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {longPatience} from '../helpers/patience.ts';

type Ground = {
	readonly ip: (...words: readonly string[]) => Promise<string>;
	/** Routes but those to connected subnets, sorted. */
	readonly routes: () => Promise<string[]>;
	readonly agent: (listener?: Partial<AgentListener>) => Agent;
};

/** A router with eth1 (10.1.0.1/24, fd01::1/64) and eth2 (10.2.0.1/24), both with a carrier. */
async function ground(t: ExecutionContext): Promise<Ground> {
	const [router, other] = testNamespaces('router', 'other') as [Namespace, Namespace];
	const agents: Agent[] = [];
	t.teardown(() => {
		agents.forEach(agent => {
			agent.close();
		});
		deleteNamespaces([router, other]);
	});
	const ip = async (...words: readonly string[]) => (await run(['ip', '-n', router.name, ...words])).stdout;
	for (const number of [1, 2]) {
		await ip('link', 'add', `eth${number}`, 'type', 'veth', 'peer', 'name', `eth${number}`, 'netns', other.name);
		await run(['ip', '-n', other.name, 'link', 'set', `eth${number}`, 'up']);
		await ip('link', 'set', `eth${number}`, 'up');
		await ip('address', 'add', `10.${number}.0.1/24`, 'dev', `eth${number}`);
	}

	await ip('address', 'add', 'fd01::1/64', 'dev', 'eth1', 'nodad');
	return {
		ip,
		async routes() {
			const lines = `${await ip('route')}${await ip('-6', 'route')}`.split('\n').map(line => line.replace(/ +pref medium$/, '').trim());
			return lines.filter(line => line !== '' && !line.includes('proto kernel')).sort();
		},
		agent(listener = {}) {
			const agent = new Agent({name: 'router', namespace: router}, {changed: () => undefined, failed: error => t.fail(error.message), ...listener});
			agents.push(agent);
			return agent;
		},
	};
}

function known(to: string, nextHop: string): Known {
	return {to: parsePrefix(to), nextHop: parseAddress(nextHop)};
}

test('one that starts again adopts what is right, adds what is missing, and removes what is stale', async t => {
	const {routes, agent} = await ground(t);
	const first = agent();
	t.deepEqual(first.replace([known('20.0.0.1/32', '10.1.0.2'), known('20.0.0.2/32', '10.1.0.2'), known('20.0.0.3/32', '10.1.0.2'), known('fd20::1/128', 'fd01::2')]), {kept: 0, added: 4, removed: 0});
	first.close();
	const second = agent();
	t.deepEqual(second.replace([known('20.0.0.1/32', '10.1.0.2'), known('20.0.0.2/32', '10.2.0.2'), known('20.0.0.4/32', '10.2.0.2'), known('fd20::1/128', 'fd01::2')]), {kept: 2, added: 2, removed: 1});
	t.deepEqual(await routes(), [
		'20.0.0.1 via 10.1.0.2 dev eth1 proto bgp metric 200',
		'20.0.0.2 via 10.2.0.2 dev eth2 proto bgp metric 200',
		'20.0.0.4 via 10.2.0.2 dev eth2 proto bgp metric 200',
		'fd20::1 via fd01::2 dev eth1 proto bgp metric 200',
	]);
	// The links are new, and one event more would have it put everything back.
	second.close();
	t.deepEqual(agent().replace([]), {kept: 0, added: 0, removed: 4});
	t.deepEqual(await routes(), []);
});

test('what others installed stays, whatever it learns and forgets', async t => {
	const {ip, routes, agent} = await ground(t);
	const others = ['20.0.0.1 via 10.2.0.9 dev eth2', '20.0.0.2 via 10.2.0.9 dev eth2 metric 200', '20.0.0.3 via 10.2.0.9 dev eth2 proto bgp metric 7'];
	for (const other of others) {
		await ip('route', 'add', ...other.split(' '));
	}

	const before = await routes();
	const one = agent();
	one.replace([known('20.0.0.1/32', '10.1.0.2'), known('20.0.0.2/32', '10.1.0.2'), known('20.0.0.3/32', '10.1.0.2')]);
	t.deepEqual(await routes(), [...before, '20.0.0.1 via 10.1.0.2 dev eth1 proto bgp metric 200', '20.0.0.3 via 10.1.0.2 dev eth1 proto bgp metric 200'].sort());
	one.replace([]);
	t.deepEqual(await routes(), before);
});

test('where a host has moved to is known when that was told after the move and the kernel has it', async t => {
	const {routes, agent} = await ground(t);
	const events = new EventEmitter();
	const router = agent({changed: () => events.emit('changed')});
	const {to, ...before} = known('20.0.0.1/32', '10.1.0.2');
	router.replace([{to, ...before}]);
	const moved = performance.now();
	t.deepEqual([router.knows(to), router.knows(to, moved)], [true, false]);
	router.learn([known('20.0.0.1/32', '10.2.0.2')]);
	t.false(router.knows(to, moved), 'the kernel has the old route');
	await once(events, 'changed');
	t.true(router.knows(to, moved));
	t.deepEqual(await routes(), ['20.0.0.1 via 10.2.0.2 dev eth2 proto bgp metric 200']);
});

test('a next hop behind another router is resolved by the routes that lead there, and one that nothing leads to waits', async t => {
	const {ip, routes, agent} = await ground(t);
	await ip('route', 'add', '10.7.0.0/16', 'via', '10.2.0.5');
	const one = agent();
	one.replace([known('20.0.0.1/32', '10.7.0.1'), known('20.0.0.2/32', '10.8.0.1')]);
	t.deepEqual((await routes()).filter(line => line.includes('bgp')), ['20.0.0.1 via 10.2.0.5 dev eth2 proto bgp metric 200']);
	t.true(one.knows(parsePrefix('20.0.0.1/32')));
	t.false(one.knows(parsePrefix('20.0.0.2/32')));
});

test('a route of somebody else\'s that changes is followed at once: to another next hop, or out of the way', async t => {
	const {ip, routes, agent} = await ground(t);
	const changes = new EventEmitter();
	const one = agent({changed: () => changes.emit('changed')});
	const until = async (route: string) => {
		for (;;) {
			// It may change while we ask.
			const next = once(changes, 'changed', {signal: AbortSignal.timeout(longPatience)});
			next.catch(() => undefined);
			if ((await routes()).includes(route)) {
				return;
			}

			await next;
		}
	};

	await ip('route', 'add', '10.7.0.0/16', 'via', '10.2.0.5');
	await ip('route', 'add', 'blackhole', '20.0.0.2', 'metric', '200');
	one.replace([known('20.0.0.1/32', '10.7.0.1'), known('20.0.0.2/32', '10.1.0.2')]);
	t.deepEqual([one.knows(parsePrefix('20.0.0.1/32')), one.knows(parsePrefix('20.0.0.2/32'))], [true, false]);
	await ip('route', 'replace', '10.7.0.0/16', 'via', '10.1.0.5');
	await until('20.0.0.1 via 10.1.0.5 dev eth1 proto bgp metric 200');
	await ip('route', 'del', 'blackhole', '20.0.0.2');
	await until('20.0.0.2 via 10.1.0.2 dev eth1 proto bgp metric 200');
});

test('what the kernel forgets when a link goes down comes back with the link, hosts here included', async t => {
	const {ip, routes, agent} = await ground(t);
	const changes = new EventEmitter();
	const one = agent({changed: () => changes.emit('changed')});
	const [{ifindex: index}] = JSON.parse(await ip('-j', 'link', 'show', 'eth1')) as [{ifindex: number}];
	one.replace([known('20.0.0.1/32', '10.1.0.2'), known('20.0.0.2/32', '10.2.0.2')]);
	one.attach([parsePrefix('30.0.0.1/32')], index);
	const before = await routes();
	t.is(before.length, 3);
	const until = async (isKnown: boolean) => {
		while (one.knows(parsePrefix('20.0.0.1/32')) !== isKnown) {
			await once(changes, 'changed', {signal: AbortSignal.timeout(longPatience)});
		}
	};

	await ip('link', 'set', 'eth1', 'down');
	await until(false);
	t.deepEqual(await routes(), ['20.0.0.2 via 10.2.0.2 dev eth2 proto bgp metric 200']);
	await ip('link', 'set', 'eth1', 'up');
	await until(true);
	t.deepEqual(await routes(), before);
	one.detach([parsePrefix('30.0.0.1/32')]);
	t.is((await routes()).length, 2);
});

test('its own routes to hosts, which the kernel tells it of, are no reason to look at all routes', async t => {
	const [router] = testNamespaces('router') as [Namespace];
	t.teardown(() => {
		deleteNamespaces([router]);
	});
	await run(['ip', 'link', 'set', 'lo', 'up'], {namespace: router});
	const changes = new EventEmitter();
	const seen: string[] = [];
	const one = new Agent({name: 'router', namespace: router}, {failed: error => t.fail(error.message), changed(families) {
		seen.push([...families].join(' '));
		changes.emit('changed');
	}});
	t.teardown(() => {
		one.close();
	});
	one.attach([parsePrefix('30.0.0.1/32'), parsePrefix('fd30::1/128')], 1);
	one.attach([parsePrefix('30.0.0.2/32')], 1);
	await run(['ip', 'route', 'list'], {namespace: router});
	one.detach([parsePrefix('30.0.0.1/32'), parsePrefix('fd30::1/128')]);
	await run(['ip', 'route', 'list'], {namespace: router});
	const looked = once(changes, 'changed', {signal: AbortSignal.timeout(longPatience)});
	await run(['ip', 'route', 'delete', '30.0.0.2'], {namespace: router});
	await looked;
	// What was taken away by others it has seen, and put back.
	t.deepEqual(seen, ['4 6', '4', '4 6', '']);
	t.regex((await run(['ip', 'route', 'list'], {namespace: router})).stdout, /^30\.0\.0\.2 dev lo /);
});

test('a host that comes although nobody can be told of it is not there, not even after the next look', async t => {
	const {ip, routes, agent} = await ground(t);
	const changes = new EventEmitter();
	const refusal = new Error('not today');
	const listener = {changed: () => changes.emit('changed')};
	const [{ifindex: index}] = JSON.parse(await ip('-j', 'link', 'show', 'eth1')) as [{ifindex: number}];
	const one = agent({changed: () => listener.changed()});
	listener.changed = () => {
		throw refusal;
	};
	t.is(t.throws(() => {
		one.attach([parsePrefix('30.0.0.1/32')], index);
	}), refusal);
	listener.changed = () => changes.emit('changed');
	const looked = once(changes, 'changed', {signal: AbortSignal.timeout(longPatience)});
	one.refresh();
	await looked;
	t.deepEqual([one.hasForgotten(parsePrefix('30.0.0.1/32')), await routes()], [true, []]);
});

test('a host that leaves is gone, although nobody can be told of it', async t => {
	const {ip, routes, agent} = await ground(t);
	const failures: string[] = [];
	const [{ifindex: index}] = JSON.parse(await ip('-j', 'link', 'show', 'eth1')) as [{ifindex: number}];
	const listener = {changed: () => undefined as unknown};
	const one = agent({changed: () => listener.changed(), failed: ({message}) => failures.push(message)});
	one.attach([parsePrefix('30.0.0.1/32')], index);
	listener.changed = () => {
		throw new Error('not today');
	};
	t.notThrows(() => {
		one.detach([parsePrefix('30.0.0.1/32')]);
	});
	listener.changed = () => undefined;
	t.deepEqual(failures, ['Routes of router: not today']);
	t.deepEqual([one.hasForgotten(parsePrefix('30.0.0.1/32')), await routes()], [true, []]);
});

test('a route to a host that left which could not be taken away goes at the next look, unless the host is back', async t => {
	const [router] = testNamespaces('router') as [Namespace];
	t.teardown(() => {
		deleteNamespaces([router]);
	});
	await run(['ip', 'link', 'set', 'lo', 'up'], {namespace: router});
	const failures: string[] = [];
	const one = new Agent({name: 'router', namespace: router}, {changed: () => undefined, failed: ({message}) => failures.push(message)});
	t.teardown(() => {
		one.close();
	});
	const host = parsePrefix('30.0.0.1/32');
	const isThere = () => listRoutes(router).some(({to}) => to.value === host.value);
	const usual = Object.getOwnPropertyDescriptor(Rtnetlink.prototype, 'add') as PropertyDescriptor;
	const leave = () => {
		Rtnetlink.prototype.add = () => {
			throw new Error('not today');
		};
		one.detach([host]);
		Object.defineProperty(Rtnetlink.prototype, 'add', usual);
	};

	one.attach([host], 1);
	// What the kernel tells of that has been heard, so only the leaving itself is a reason to look.
	await run(['ip', 'route', 'list'], {namespace: router});
	leave();
	t.deepEqual([one.knows(host), one.hasForgotten(host), isThere()], [false, false, true]);
	t.true(await eventually(() => one.hasForgotten(host)));
	t.false(isThere());
	one.attach([host], 1);
	leave();
	one.attach([host], 1);
	one.replace([]);
	t.deepEqual([one.knows(host), isThere()], [true, true]);
	t.deepEqual(failures, ['Routes of router: not today', 'Routes of router: not today']);
});
