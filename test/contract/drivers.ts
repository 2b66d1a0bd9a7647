/** Every driver that has a name keeps the whole contract, or says why a case is not for it. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import {type SuiteResult, namedDrivers, testDriver} from '../../lib/index.ts';
import {type FirewallName, firewallNames} from '../../lib/topology/firewalls.ts';
import {crowdedUntilNow} from '../helpers/crowd.ts';
import {patience} from '../helpers/patience.ts';

/** Milliseconds that the suite may take, on a machine that has nothing else to do, and of processors: it is run after every change of a driver. */
const longest = 60_000 * patience;

const withoutPorts = Object.fromEntries(['F2', 'F8', 'F9', 'F10', 'F11', 'S4'].map(name => [name, 'a perimeter firewall has no ports of hosts']));

/** By the name of the case. */
const unsupported: Readonly<Record<FirewallName, Readonly<Record<string, string>>>> = {
	'openflow': {},
	'sg': {F18: 's1: "deny h1 to g2 name one": security groups only allow, and the rest is denied by default; deny is for the drivers fwaas, both and openflow'},
	'fwaas': {},
	'both': {},
	'iptables-perimeter': withoutPorts,
	'nftables-perimeter': withoutPorts,
	'nftables-bridge': {M1: 'there is no other driver to exchange it with'},
};

/** Two suites run at the same time: most of one is waiting for what must not come. Each begins when the one before it in its lane has ended. */
const lanes: Array<Promise<unknown>> = [Promise.resolve(), Promise.resolve()];

type Timed = SuiteResult & {/** Milliseconds of it in which somebody on this machine waited for a processor. */ readonly crowded: number};

async function resultOf(name: FirewallName): Promise<Timed> {
	const lane = firewallNames.indexOf(name) % lanes.length;
	const result = Promise.resolve(lanes[lane]).then(async () => {
		const before = crowdedUntilNow();
		const made = await testDriver({name, ...namedDrivers[name]}, {patience});
		return {...made, crowded: crowdedUntilNow() - before};
	});
	lanes[lane] = result.catch(() => undefined);
	return result;
}

/** Milliseconds of processors that this process and its children have had; of these all that have ended. See cutime in proc(5). */
function processorTime(): number {
	const {user, system} = process.cpuUsage();
	const [children, kernel] = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /, '').split(' ').slice(13, 15).map(Number);
	return (user + system) / 1000 + ((children ?? 0) + (kernel ?? 0)) * 10;
}

for (const name of firewallNames) {
	test(`${name} keeps the whole contract`, async t => {
		t.timeout(longest * firewallNames.length);
		const {cases, ms, crowded} = await resultOf(name);
		const failures = cases.flatMap(result => result.failures.map(({what, expected, observed}) => [result.name, what, expected, observed]));
		t.deepEqual(cases.filter(({status}) => status === 'fail').map(result => result.name), [], JSON.stringify(failures, undefined, 1));
		t.deepEqual(Object.fromEntries(cases.filter(({status}) => status === 'not supported').map(result => [result.name, result.reason])), unsupported[name]);
		t.true(ms - crowded < longest, `${ms} ms, of which ${crowded} ms crowded`);
		t.log(`${cases.length} cases in ${(ms / 1000).toFixed(1)} s`);
	});
}

test('a suite needs less than a minute of one processor', async t => {
	t.timeout(longest * firewallNames.length);
	await Promise.all(lanes);
	const each = processorTime() / firewallNames.length;
	t.true(each < longest, `${each} ms`);
	t.log(`${(each / 1000).toFixed(1)} s each`);
});
