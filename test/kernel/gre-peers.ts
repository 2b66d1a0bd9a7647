/** GRE tunnels of our own with another implementation at the other end: Open vSwitch in userspace, and the kernel where it has one. */
import {rmSync} from 'node:fs';
import test, {type ExecutionContext} from 'ava';
import {turnTxChecksumOff} from '../../lib/kernel/ethtool.ts';
import {type Namespace, inside} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {startOpenVswitch} from '../../lib/network/open-vswitch.ts';
import {needing} from '../helpers/needing.ts';
import {testDirectory} from '../helpers/fabric.ts';
import {address, answers, batch, buildUnderlay, end, openEndpoint} from '../helpers/underlay.ts';

const withKernelGre = await needing('ip_gre');

/** Open vSwitch in b takes over its end of the underlay, and has a bridge with 10.0.1.2 and MAC 02:00:00:00:00:02. */
async function openVswitch(t: ExecutionContext, b: Namespace): Promise<{configure: (...words: readonly string[]) => Promise<unknown>; directory: string}> {
	const directory = testDirectory();
	const {database, stop} = await startOpenVswitch({namespace: b, directory, onStart: () => undefined});
	t.teardown(async () => {
		await stop();
		rmSync(directory, {recursive: true});
	});
	const configure = async (...words: readonly string[]) => run(['ovs-vsctl', `--db=unix:${database}`, ...words], {namespace: b});
	await batch(b, ['address flush dev u']);
	await configure('add-br', 'under', '--', 'set', 'bridge', 'under', 'datapath_type=netdev', '--', 'add-port', 'under', 'u',
		'--', 'add-br', 'over', '--', 'set', 'bridge', 'over', 'datapath_type=netdev', 'other_config:hwaddr="02:00:00:00:00:02"');
	await batch(b, ['link set under up', 'address add 192.0.2.2/24 dev under', 'link set over up', 'address add 10.0.1.2/24 dev over']);
	return {configure, directory};
}

for (const [title, key, option] of [['without a key', undefined, []], ['with a key', 0x12_34_56_78, ['options:key=305419896']]] as const) {
	test.serial(`Open vSwitch takes and sends Ethernet in GRE ${title}`, async t => {
		const [a, b] = await buildUnderlay(t);
		const {configure} = await openVswitch(t, b);
		await configure('add-port', 'over', 'gre', '--', 'set', 'interface', 'gre', 'type=gre', 'options:remote_ip=192.0.2.1', ...option);
		const endpoint = await openEndpoint(t);
		endpoint.add(end(a, 1, {mode: 'layer2', key}));
		await address(a, 'g', 1, 1);
		t.true(await answers(a, '10.0.1.2'));
		t.true(await answers(b, '10.0.1.1', '-s1400'));
	});
}

test.serial('Open vSwitch takes and sends IP in GRE, with checksums and sequence numbers as it likes', async t => {
	const [a, b] = await buildUnderlay(t);
	const {configure, directory} = await openVswitch(t, b);
	await configure('add-port', 'over', 'gre', '--', 'set', 'interface', 'gre', 'type=gre', 'options:remote_ip=192.0.2.1', 'options:key=7', 'options:packet_type=legacy_l3', 'options:csum=true', 'options:seq=true');
	await batch(b, ['neighbor replace 10.0.1.1 lladdr 02:00:00:00:00:01 dev over']);
	// What has no MAC header gets an empty one, which nobody would take; and the other way NORMAL passes over ports without one.
	for (const flow of ['in_port=gre,actions=mod_dl_dst:02:00:00:00:00:02,LOCAL', 'in_port=LOCAL,ip,actions=output:gre']) {
		await run(['ovs-ofctl', 'add-flow', `unix:${directory}/over.mgmt`, flow], {namespace: b});
	}

	const endpoint = await openEndpoint(t);
	endpoint.add(end(a, 1, {key: 7}));
	await address(a, 'g', 1, 1);
	t.true(await answers(a, '10.0.1.2'));
});

const kernelKinds = {
	'IP': {mode: 'layer3', options: [], key: undefined},
	'IP with key, checksum and sequence numbers': {mode: 'layer3', options: ['key', '9', 'ocsum', 'oseq'], key: 9},
	'Ethernet': {mode: 'layer2', options: [], key: undefined},
	'Ethernet with key, checksum and sequence numbers': {mode: 'layer2', options: ['key', '9', 'ocsum', 'oseq'], key: 9},
} as const;

for (const [title, {mode, options, key}] of Object.entries(kernelKinds)) {
	withKernelGre(`the kernel takes and sends ${title} in GRE`, async t => {
		const [a, b] = await buildUnderlay(t);
		await batch(b, [`link add g type ${mode === 'layer3' ? 'gre' : 'gretap'} local 192.0.2.2 remote 192.0.2.1 ttl 255 ${options.join(' ')}`]);
		// Between veth interfaces the kernel leaves the sum of GRE unfinished too, as no wire would have it.
		inside(b, () => {
			turnTxChecksumOff(['u']);
		});
		const endpoint = await openEndpoint(t);
		endpoint.add(end(a, 1, {mode, key}));
		await address(a, 'g', 1, 1);
		await address(b, 'g', 1, 2);
		t.true(await answers(a, '10.0.1.2'));
		t.true(await answers(b, 'fd00:1::1', '-s1200'));
	});
}
