import test from 'ava';
import {type Inventory, domainOf, inventoryOf, isParted} from '../../lib/policy/inventory.ts';
import {blueprint} from '../../lib/topology/assign.ts';
import {shape} from '../../lib/topology/shapes.ts';
import {formatAddress, formatPrefix, overlaps, parseAddress} from '../../lib/util/address.ts';
import {crosses} from '../helpers/arbitrary-policy.ts';
import {type SketchOptions, secureNet, sketch} from '../helpers/blueprints.ts';
import {spent} from '../helpers/clock.ts';

function inventory(text: string, options?: SketchOptions): Inventory {
	return inventoryOf(sketch(text, options));
}

function shaped(text: string): Inventory {
	const topology = shape(text, {switchKind: 'switch'});
	if (!topology) {
		throw new Error(`${text} is no shape`);
	}

	return inventoryOf(blueprint(topology));
}

const hasDomains = test.macro({
	title: (name = '') => `domains: ${name}`,
	exec(t, network: string, expected: readonly string[]) {
		t.deepEqual(inventory(network).domains.map(({id, subnets, perimeter}) => `${id}${perimeter ? ' behind' : ''}: ${subnets.map(formatPrefix).join(' ')}`), expected);
	},
});

test('a switch alone', hasDomains, 'h1 10.0.0.1/8 -- s1', ['1: 10.0.0.0/8']);
test('three networks around a firewall', hasDomains, secureNet, ['1 behind: 10.0.10.0/24', '2 behind: 10.0.20.0/24', '3 behind: 10.0.30.0/24']);
test('an inner router joins', hasDomains, `
	h1 10.0.1.1/24 -- s1
	h2 10.0.2.1/24 -- s2
	s1 -- r1 10.0.1.254/24
	s2 -- r1 10.0.2.254/24
`, ['1: 10.0.1.0/24 10.0.2.0/24']);
test('a host with two interfaces joins nothing', hasDomains, `
	h1 10.0.1.1/24 -- s1
	h1 10.0.2.1/24 -- s2
	s1 -- fw 10.0.1.254/24
	s2 -- fw 10.0.2.254/24
`, ['1 behind: 10.0.1.0/24', '2 behind: 10.0.2.0/24']);
test('a firewall interface belongs to its side, with hosts or without', hasDomains, `
	h1 10.0.1.1/24 -- fw 10.0.1.254/24
	s2 -- fw 192.0.2.1/30
`, ['1 behind: 10.0.1.0/24', '2 behind: 192.0.2.0/30']);
test('two firewalls back to back', hasDomains, `
	h1 10.0.1.1/24 -- fw1 10.0.1.254/24
	fw1 192.0.2.1/30 -- fw2 192.0.2.2/30
	h2 10.0.2.1/24 -- fw2 10.0.2.254/24
`, ['1 behind: 10.0.1.0/24', '2 behind: 192.0.2.0/30', '3 behind: 10.0.2.0/24']);
test('a firewall interface without an address parts all the same', hasDomains, `
	h1 10.0.1.1/24 -- fw
	h2 10.0.2.1/24 -- fw
`, ['1 behind: 10.0.1.0/24', '2 behind: 10.0.2.0/24']);
test('a subnet inside that of another domain is taken out of it', hasDomains, `
	h1 10.0.0.1/30 -- s1
	h2 10.0.0.2/32 -- s2
	s1 -- fw
	s2 -- fw
`, ['1 behind: 10.0.0.0/31 10.0.0.3', '2 behind: 10.0.0.2']);
test('equal subnets: the first domain has it, save for the addresses of the others', hasDomains, `
	h1 10.0.0.1/30,fd00::1/126 -- fw
	h2 10.0.0.2/30,fd00::2/126 -- fw
`, ['1 behind: 10.0.0.0/31 10.0.0.3 fd00::/127 fd00::3', '2 behind: 10.0.0.2 fd00::2']);
test('nested subnets of one domain stay as they are', hasDomains, 'h1 10.0.0.1/8 -- s1\nh2 10.1.0.1/16 -- s1', ['1: 10.0.0.0/8 10.1.0.0/16']);

test('both families, link-local subnets left out', hasDomains, 'h1 10.0.0.1/24,fd00::1/64,fe80::5/64 -- b1', ['1: 10.0.0.0/24 fd00::/64']);

test('an address lies in the domain of its subnet, or outside', t => {
	const {domains} = inventory(secureNet);
	t.deepEqual(['10.0.10.99', '10.0.20.1', '192.0.2.1', 'fe80::1'].map(text => domainOf({domains}, parseAddress(text))?.id), [1, 2, undefined, undefined]);
});

test('an address of the wider subnet that lies in the narrower one stays in its own domain', t => {
	const {domains} = inventory(`
		h1 10.0.0.1/8 -- s1
		h3 10.2.0.1/8 -- s1
		h4 10.1.0.1/16 -- s1
		h2 10.2.0.2/24 -- fw
		s1 -- fw
	`);
	t.deepEqual(['10.0.0.1', '10.1.0.1', '10.2.0.1', '10.3.0.1', '10.2.0.2', '10.2.0.9'].map(text => domainOf({domains}, parseAddress(text))?.id), [1, 1, 1, 1, 2, 2]);
	const [inner, outer] = domains.map(({subnets}) => subnets);
	t.false(inner?.some(one => outer?.some(other => overlaps(one, other))));
});

test('a firewall parts two domains, and from the outside those it borders', t => {
	const open = {id: 1, subnets: [], perimeter: false};
	const behind = {id: 2, subnets: [], perimeter: true};
	t.deepEqual([
		isParted(behind, behind), isParted(open, behind), isParted(behind, undefined), isParted(undefined, behind), isParted(open, undefined), isParted(undefined, undefined),
	], [false, true, true, true, false, false]);
});

test('hosts know their addresses, their ports and their link-local addresses', t => {
	const {hosts, devices, routers} = inventory(`
		h1 10.0.0.1/24,fd00::1/64 -- s1
		h2 10.0.0.2/24 -- s1
		h1 10.0.1.1/24 -- b1
		s1 -- r1 10.0.0.254/24,fd00::fe/64
		h9 10.0.2.1/24 -- r1 10.0.2.254/24
	`, {hosts: {h2: {portSecurity: false, allowedAddresses: ['10.0.9.0/24']}}});
	const h1 = hosts.get('h1');
	t.deepEqual(h1?.addresses.map(formatAddress), ['10.0.0.1', 'fd00::1', 'fe80::aff:fe00:1', '10.0.1.1', 'fe80::aff:fe00:101']);
	t.deepEqual(h1?.attachments.map(({node, port, addresses}) => [node, port, addresses.length]), [['s1', 1, 3], ['b1', 1, 2]]);
	t.deepEqual(hosts.get('h9')?.attachments.map(({node, port}) => [node, port]), [['r1', undefined]]);
	t.like(hosts.get('h2'), {portSecurity: false, allowedAddresses: [{length: 24}]});
	t.deepEqual(routers.get('r1')?.addresses.map(formatAddress), ['10.0.0.254', 'fd00::fe', 'fe80::aff:fe00:fe', '10.0.2.254', 'fe80::aff:fe00:2fe']);
	t.deepEqual([...devices.keys()], ['s1']);
	t.deepEqual(devices.get('s1')?.ports, [1, 2, 3]);
	t.deepEqual([...devices.get('s1')?.hostPorts ?? []].map(([port, {host}]) => [port, host]), [[1, 'h1'], [2, 'h2']]);
	t.is(devices.get('s1')?.hostPorts.get(1)?.addresses.length, 3);
});

test('zones count from 1 in the natural order of names', t => {
	const {devices} = inventory(['s10', 's2', 's1'].map((name, index) => `h${index} -- ${name}`).join('\n'));
	t.deepEqual([...devices.values()].map(({name, zone}) => [name, zone]), [['s1', 1], ['s2', 2], ['s10', 3]]);
});

/** Each device with the pairs that may cross it, hosts by their numbers: `s1: 1-2 1-3`. */
const isCrossed = test.macro({
	title: (name = '') => `crossed: ${name}`,
	exec(t, network: string, expected: readonly string[]) {
		const all = inventory(network);
		const hosts = [...all.hosts.keys()];
		t.deepEqual([...all.devices.keys()].map(device => {
			const pairs = hosts.flatMap((a, index) => hosts.slice(index + 1).filter(b => crosses(all, device, a, b)).map(b => `${a.slice(1)}-${b.slice(1)}`));
			return `${device}: ${pairs.join(' ')}`.trim();
		}), expected);
	},
});

test('one switch', isCrossed, 'h1 -- s1\nh2 -- s1\nh3 -- s1', ['s1: 1-2 1-3 2-3']);
test('a chain', isCrossed, `
	h1 -- s1
	h2 -- s2
	h3 -- s3
	h4 -- s3
	s1 -- s2
	s2 -- s3
`, ['s1: 1-2 1-3 1-4', 's2: 1-2 1-3 1-4 2-3 2-4', 's3: 1-3 1-4 2-3 2-4 3-4']);
test('a firewall and its networks', isCrossed, secureNet, [
	'fw: 10-20 10-21 10-30 10-31 11-20 11-21 11-30 11-31 20-30 20-31 21-30 21-31',
	's1: 10-11 10-20 10-21 10-30 10-31 11-20 11-21 11-30 11-31',
	's2: 10-20 10-21 11-20 11-21 20-21 20-30 20-31 21-30 21-31',
	's3: 10-30 10-31 11-30 11-31 20-30 20-31 21-30 21-31 30-31',
]);
test('islands', isCrossed, 'h1 -- s1\nh2 -- s1\nh3 -- s2\nh4 -- s2', ['s1: 1-2', 's2: 3-4']);
test('a loop: what is joined on the other side may still come through', isCrossed, `
	h1 -- s1
	h2 -- s2
	h3 -- s3
	s1 -- s2
	s2 -- s3
	s3 -- s1
`, ['s1: 1-2 1-3 2-3', 's2: 1-2 1-3 2-3', 's3: 1-2 1-3 2-3']);
test('two links to one neighbor are a loop', isCrossed, 'h1 -- s1\nh2 -- s1\ns1 -- s2\ns1 -- s2', ['s1: 1-2', 's2: 1-2']);
test('a bridge is no device, its hosts are one part', isCrossed, 'h1 -- b1\nh2 -- b1\nh3 -- s1\nb1 -- s1', ['s1: 1-3 2-3']);
test('a host with two interfaces stands in no one part and passes nothing on', isCrossed, `
	h1 10.0.1.1/24 -- s1
	h2 10.0.1.2/24 -- s1
	h2 10.0.2.2/24 -- s2
	h3 10.0.2.3/24 -- s2
	s1 -- fw 10.0.1.254/24
	s2 -- fw 10.0.2.254/24
`, ['fw: 1-2 1-3 2-3', 's1: 1-2 1-3 2-3', 's2: 1-2 1-3 2-3']);
test('packets between two networks of one part go out to the router beyond and come back', isCrossed, `
	h1 10.0.1.1/24 -- s1
	h2 10.0.2.2/24 -- s1
	h3 10.0.1.3/24 -- s2
	h4 10.0.1.4/24 -- s3
	s1 -- s2
	s2 -- s3
	s3 -- r1 10.0.1.254/24,10.0.2.254/24
`, ['s1: 1-2 1-3 1-4 2-3 2-4', 's2: 1-2 1-3 1-4 2-3 2-4 3-4', 's3: 1-2 1-3 1-4 2-3 2-4 3-4']);
test('a firewall on one arm', isCrossed, `
	h1 10.0.1.1/24 -- s1
	h2 10.0.2.2/24 -- s1
	s1 -- fw 10.0.1.254/24,10.0.2.254/24
`, ['fw: 1-2', 's1: 1-2']);
test('a direct link crosses nothing', isCrossed, 'h1 10.0.0.1/24 -- h2 10.0.0.2/24\nh3 -- s1', ['s1:']);

const isQuick = test.macro({
	title: (_, name: string) => `${name} is read in a moment`,
	exec(t, name: string, hosts: number, devices: number) {
		const topology = shape(name, {switchKind: 'switch'});
		t.truthy(topology);
		const plan = topology && blueprint(topology);
		t.true(plan && spent(() => inventoryOf(plan)) < 5 * 100);
		const all = shaped(name);
		t.deepEqual([all.hosts.size, all.devices.size], [hosts, devices]);
		t.true([...all.devices.values()].every(({partOf}) => partOf.size === hosts && [...partOf.values()].every(part => part > 0)));
	},
});

test(isQuick, 'tree,2,32', 1024, 33);
test(isQuick, 'linear,100', 100, 100);
test(isQuick, 'single,1000', 1000, 1);
