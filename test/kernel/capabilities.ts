/** What this machine can do. */
import test from 'ava';
import {capabilities, datapath, datapathOf, requireCapabilities} from '../../lib/kernel/capabilities.ts';
import {MachineError} from '../../lib/util/errors.ts';
import {spent} from '../helpers/clock.ts';

test('everything that is missing has a sentence and a cure', async t => {
	const all = await capabilities();
	t.true(all.length > 30);
	for (const {name, available, detail, cure} of all) {
		t.is(cure === undefined, available, name);
		t.regex(detail, /\w/, name);
	}
});

test('what a lab cannot do without is here', async t => {
	const missing = (await capabilities()).filter(({available}) => !available).map(({name}) => name);
	for (const name of ['root', 'ovs-vswitchd', 'namespaces', 'veth', 'bridge', 'ipset', 'conntrack', 'ipv6', 'tun', 'tbf']) {
		t.false(missing.includes(name), name);
	}
});

test('asking before a lab starts costs next to nothing', t => {
	const programs = ['ovsdb-server', 'ovs-vswitchd', 'ovs-ofctl', 'iptables-restore', 'ipset'];
	const cost = spent(() => {
		requireCapabilities(['root', ...programs]);
	});
	t.true(cost < 50, String(cost));
});

test('all that is missing is said at once', t => {
	const error = t.throws(() => {
		requireCapabilities(['root', 'one-missing', 'ip', 'two-missing']);
	}, {instanceOf: MachineError});
	t.deepEqual(error.message.split('\n'), [
		'The program one-missing is missing. Install it, or write its full path.',
		'The program two-missing is missing. Install it, or write its full path.',
	]);
});

for (const [module, zones, expected] of [[true, true, 'system'], [true, false, 'netdev'], [false, true, 'netdev'], [false, false, 'netdev']] as const) {
	test(`a kernel ${module ? 'with' : 'without'} a datapath and ${zones ? 'with' : 'without'} zones forwards for switches: ${expected}`, t => {
		t.is(datapathOf(module, zones), expected);
	});
}

test('doctor tells of the datapath that labs get', async t => {
	t.is((await capabilities()).find(({name}) => name === 'openvswitch datapath')?.available, datapath() === 'system');
});
