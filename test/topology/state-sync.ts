/** Who may tell whom connections over a link, and what a wrong one is answered. */
import test from 'ava';
import {check} from '../../lib/topology/check.ts';
import type {LinkOptions, RouterOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {ProblemsError, problemText} from '../../lib/util/problems.ts';
import {sketch} from '../helpers/sketch.ts';

const sync = {stateSync: true};

/** Firewalls fw1 and fw2, linked by these addresses. */
function pair(ips: readonly [string, string], options: RouterOptions = {perimeter: true}): (t: Topology) => unknown {
	return t => t.addLink(t.addRouter('fw1', options).interface({ip: ips[0]}), t.addRouter('fw2', options).interface({ip: ips[1]}), sync);
}

function problemsOf(build: (t: Topology) => unknown): string[] {
	const error = (() => {
		try {
			check(sketch(build));
			return undefined;
		} catch (thrown) {
			return thrown;
		}
	})();
	return error instanceof ProblemsError ? error.problems.map(problemText) : [];
}

test('two firewalls with addresses of one subnet may', t => {
	const {links} = check(sketch(pair(['10.9.0.1/30', '10.9.0.2/30'])));
	t.deepEqual(links.map(({stateSync}) => stateSync), [true]);
});

test('a link says nothing of it when it was not asked for', t => {
	const {links} = check(sketch(each => each.addLink(each.addHost('h1'), each.addHost('h2'), {stateSync: false})));
	t.deepEqual(Object.keys(links[0] ?? {}), ['ends']);
});

test('routers that are no firewalls have none', t => {
	const hint = 'a link with stateSync leads to it, and only perimeter firewalls have connections to tell. Add it as a router with {perimeter: true}, or take stateSync away.';
	t.deepEqual(problemsOf(pair(['10.9.0.1/30', '10.9.0.2/30'], {})), [`fw1: ${hint}`, `fw2: ${hint}`]);
});

test('without a common IPv4 subnet they cannot', t => {
	const hint = 'fw1 - fw2: their link with stateSync has no IPv4 subnet in which both have an address. Give both ends an address, such as 10.9.0.1/30 and 10.9.0.2/30.';
	t.deepEqual(problemsOf(pair(['10.9.0.1/30', '10.8.0.2/30'])), [hint]);
	t.deepEqual(problemsOf(pair(['fd00::1/64', 'fd00::2/64'])), [hint]);
});

test('each has one such link', t => {
	t.deepEqual(problemsOf(each => {
		const [fw1, fw2, fw3] = [each.addRouter('fw1', {perimeter: true}), each.addRouter('fw2', {perimeter: true}), each.addRouter('fw3', {perimeter: true})];
		each.addLink(fw1.interface({ip: '10.9.0.1/30'}), fw2.interface({ip: '10.9.0.2/30'}), sync);
		each.addLink(fw1.interface({ip: '10.9.1.1/30'}), fw3.interface({ip: '10.9.1.2/30'}), sync);
	}), ['fw1: it has two links with stateSync, and connections are told to one other firewall only. Leave stateSync to one of the links.']);
});

test('another value than true and false is refused', t => {
	const options = {stateSync: 'yes'} as unknown as LinkOptions;
	t.deepEqual(problemsOf(each => each.addLink(each.addHost('h1'), each.addHost('h2'), options)), ['link h1 - h2: option stateSync has a value of the wrong kind. Give true or false.']);
});
