/** Which driver a device has, and has again when an exchange is refused. */
import test from 'ava';
import {Drivers} from '../../lib/drivers/choice.ts';
import {home} from '../../lib/kernel/namespace.ts';
import type {DeviceEntry} from '../../lib/policy/inventory.ts';
import {notebook} from '../helpers/notebook.ts';

const entry = (name: string, kind: DeviceEntry['kind'], firewall: DeviceEntry['firewall']) => [name, {name, kind, firewall} as DeviceEntry] as const;
const devices = new Map([entry('s1', 'switch', 'openflow'), entry('s2', 'switch', 'openflow'), entry('fw', 'perimeter', 'iptables-perimeter')]);
const context = {runDirectory: '/nowhere', datapath: () => 'netdev' as const, namespaceOf: () => home};

test('a choice is taken back, of names and of drivers of one\'s own', t => {
	const [first, second] = [notebook().driver, notebook().driver];
	const drivers = new Drivers(context, devices, {switch: () => first});
	const before = [...devices.keys()].map(device => drivers.of({device}));
	t.deepEqual(before.map(driver => driver === first), [true, true, false]);
	const takeBack = drivers.remember();
	drivers.choose(new Map([['s1', 'sg'], ['fw', 'nftables-perimeter']]));
	drivers.choose(new Map([['s2', () => second]]));
	t.deepEqual([...drivers.names.values()], ['sg', 'openflow', 'nftables-perimeter']);
	t.is(drivers.of({device: 's2'}), second);
	t.not(drivers.of({device: 's1'}), first);
	takeBack();
	t.deepEqual([...drivers.names.values()], ['openflow', 'openflow', 'iptables-perimeter']);
	t.deepEqual([...devices.keys()].map(device => drivers.of({device})), before);
	takeBack();
	drivers.choose(new Map([['s1', 'sg']]));
	t.is(drivers.of({device: 's2'}), first);
});
