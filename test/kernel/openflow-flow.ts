/** Flows as bytes: what Open vSwitch makes of ours is what it makes of those that ovs-ofctl sends. */
import test from 'ava';
import fc from 'fast-check';
import {diffFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import {SwitchConnection} from '../../lib/kernel/openflow-connection.ts';
import {FlowError} from '../../lib/kernel/openflow-errors.ts';
import {encodeFlow} from '../../lib/kernel/openflow-flow.ts';
import {addMeter} from '../../lib/kernel/openflow.ts';
import {run} from '../../lib/kernel/process.ts';
import {compile} from '../../lib/policy/compile.ts';
import {arbitraryScenario} from '../helpers/arbitrary-policy.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';
import {readSample, sampleNames} from '../helpers/samples.ts';

const oracle = await FlowOracle.start();
const directory = oracle.bridge.runDirectory;
/** Written by us, and by ovs-ofctl. */
const bridges = ['ours', 'theirs'] as const;
await run(['ovs-vsctl', `--db=unix:${directory}/db.sock`, ...bridges.flatMap(name => ['--', 'add-br', name, '--', 'set', 'bridge', name, 'datapath_type=dummy'])]);
const connection = await SwitchConnection.open({runDirectory: directory, name: 'ours'});
test.after.always(async () => {
	connection.close();
	await oracle.stop();
});

/** Makes the changes on both bridges and returns the flows that each has then. */
async function change(lines: readonly string[]): Promise<[ours: string[], theirs: string[]]> {
	const [ours, theirs] = bridges.map(name => `unix:${directory}/${name}.mgmt`) as [string, string];
	await addMeters(lines);
	await connection.bundle(lines.map(encodeFlow));
	await ofctl(['--bundle', 'add-flows', theirs, '-'], lines);
	return [await dump(ours), await dump(theirs)];
}

/** Those that the lines name, once each: bundles hold none. */
async function addMeters(lines: readonly string[]): Promise<void> {
	const named = new Set(lines.flatMap(line => /\bmeter:(\d+)/.exec(line)?.[1] ?? []));
	for (const id of [...named].filter(each => !meters.has(each))) {
		meters.add(id);
		for (const name of bridges) {
			await addMeter({runDirectory: directory, name}, `meter=${id},pktps,band=type=drop,rate=1`);
		}
	}
}

const meters = new Set<string>();

async function dump(bridge: string): Promise<string[]> {
	return (await ofctl(['--no-names', '--no-stats', 'dump-flows', bridge])).split('\n').sort();
}

async function ofctl(args: readonly string[], lines: readonly string[] = []): Promise<string> {
	return (await run(['ovs-ofctl', '-O', 'OpenFlow14', ...args], {input: lines.map(line => `${line}\n`).join('')})).stdout;
}

for (const name of sampleNames) {
	test.serial(`sample ${name}`, async t => {
		const flows = readSample(name, 'expected.flows').trimEnd().split('\n').map(line => line.replace(/ {2}# .*/, ''));
		const [ours, theirs] = await change(['delete', ...flows.map((flow, index) => `add cookie=0x${index.toString(16)},${flow}`)]);
		t.is(ours.length, new Set(flows).size + 1);
		t.deepEqual(ours, theirs);
	});
}

test.serial('random policies, and the changes from one to the next', async t => {
	let state = plainSwitch;
	let changes = 0;
	for (const {inventory, policy} of fc.sample(arbitraryScenario({packets: 1, overlaps: true}), 12)) {
		const plan = [...compile(policy, inventory).devices.values()].find(({kind}) => kind === 'switch');
		if (plan) {
			const next = renderFlows(plan, state);
			const lines = diffFlows(state, next).map(({line}) => line);
			const [ours, theirs] = await change(state === plainSwitch ? ['delete', ...lines] : lines);
			t.deepEqual(ours, theirs);
			state = next;
			changes += lines.length;
		}
	}

	t.true(changes > 100);
	t.log(`${changes} changes compared`);
});

/** What drivers may come to write; each stands at a priority of its own, so that each is compared. */
const matches = [
	'in_port=1', 'in_port=LOCAL', 'in_port=65279', 'dl_src=02:00:00:00:00:01', 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00', 'dl_type=0x88cc', 'dl_type=0x800', 'ip,nw_proto=47', 'eth_type=0x86dd,ip_proto=6,tp_dst=1',
	'vlan_tci=0', 'vlan_tci=0x1000/0x1000', 'vlan_tci=0x1005/0x1fff', 'vlan_tci=0x1005', 'metadata=7', 'metadata=0xffffffffffffffff', 'metadata=0x70/0xf0',
	...['ip', 'ipv6', 'arp', 'tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'tcp6', 'udp6', 'sctp6', 'tcp,ip', 'ip,nw_proto=6,tcp'],
	'ip,nw_src=10.0.0.1', 'nw_src=10.0.0.0/8,ip', 'ip,nw_dst=10.0.0.0/255.0.0.0', 'ip,nw_src=0.0.0.0/0', 'ip,nw_dst=0.0.0.1/0.0.0.255', 'ip,ip_dst=255.255.255.255',
	'ipv6,ipv6_src=fd00::1', 'ipv6,ipv6_dst=fd00::/16', 'ipv6,ipv6_src=::/0', 'ipv6,ipv6_src=::1/::ffff', 'ipv6,ipv6_dst=::ffff:1.2.3.4', 'ip,nw_ttl=1', 'ipv6,nw_ttl=255',
	...['no', 'yes', 'first', 'later', 'not_later'].flatMap(frag => [`ip,nw_frag=${frag}`, `ipv6,ip_frag=${frag}`]),
	...['tcp', 'udp', 'sctp', 'tcp6', 'udp6', 'sctp6'].flatMap(each => [`${each},tp_src=80`, `tp_dst=0x1000/0xf000,${each}`, `${each},tp_src=0/1,tp_dst=65535`]), 'udp,udp_dst=53', 'tcp6,tcp_src=1',
	'tcp,tcp_flags=+syn-ack', 'tcp6,tcp_flags=+fin+syn+rst+psh+ack+urg+ece+cwr', 'tcp,tcp_flags=0x2/0x12', 'tcp,tcp_flags=-rst+ns',
	'icmp,icmp_type=8', 'icmp,icmp_type=3,icmp_code=13', 'icmp6,icmp_type=128,icmp_code=0', 'icmp6,icmpv6_type=1',
	'arp,arp_op=1', 'arp,arp_spa=10.0.0.1', 'arp,arp_tpa=10.0.0.0/24', 'arp,arp_sha=02:00:00:00:00:01', 'arp,arp_tha=02:00:00:00:00:00/ff:00:00:00:00:00',
	'icmp6,icmp_type=135,nd_target=fd00::1', 'nd_target=fd00::/64,icmp_type=136,icmp_code=0,icmp6', 'icmp6,icmp_type=135,icmp_code=0,nd_sll=00:00:00:00:00:00', 'icmp6,icmp_type=136,nd_tll=02:00:00:00:00:01',
	'ct_state=+trk', 'ct_state=+new-est+rel-rpl+inv+trk-snat+dnat', 'ct_state=0x21/0x23', 'ct_mark=1', 'ct_mark=0x1/0x3', 'ct_zone=65535', 'conj_id=1048575',
	...Array.from({length: 16}, (_, index) => `reg${index}=0x${(index + 1).toString(16)}/0xff`), 'reg0=4294967295', 'reg3=0x0/0x1', 'reg1=0/0', 'reg1=5,reg2=6,reg1=5',
];

const actions = [
	'drop', 'output:1', 'output:1,output:2,output:65279', 'NORMAL', 'normal', 'LOCAL', 'output:LOCAL', 'FLOOD', 'ALL', 'IN_PORT', 'output:in_port', 'CONTROLLER', 'controller:128', 'output:CONTROLLER', 'goto_table:253', 'output:3,goto_table:9',
	'output:NXM_NX_REG15[16..31]', 'output:reg0[0..15]', 'resubmit(,0)', 'resubmit(3,253)', 'resubmit(in_port,7)', 'resubmit(,1),resubmit(,2),NORMAL',
	'set_field:0x1->reg0', 'set_field:0x20000/0xffff0000->reg14', 'set_field:02:00:00:00:00:01->eth_dst', 'set_field:01:00:00:00:00:00/01:00:00:00:00:00->dl_src', 'set_field:10.0.0.1->ip_dst', 'set_field:10.0.0.0/8->nw_src',
	'set_field:64->nw_ttl', 'set_field:80->tcp_dst', 'set_field:81->tp_src', 'set_field:7->metadata', 'set_field:0x50005/0xf000f->reg0', 'set_field:0/0->reg0', 'set_field:0x5/0xf->metadata', 'set_field:3->in_port',
	'load:0x1->NXM_NX_REG0[]', 'load:0xf->reg1[4..7]', 'load:1->reg2[31]', 'load:0xffffffffffffffff->OXM_OF_METADATA[]', 'load:0xa000001->NXM_OF_IP_DST[]', 'load:0->NXM_OF_IN_PORT[]', 'load:5->eth_src[0..15]',
	'move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]', 'move:reg0[0..15]->reg1[16..31]', 'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]', 'move:NXM_NX_TCP_FLAGS[0..3]->reg4[0..3]',
	'push:NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[]', 'push:NXM_NX_REG3[4..9]', 'pop:reg7[0]',
	'clone(output:1)', 'clone(set_field:0x10000/0xffff0000->reg15,clone(resubmit(,6),output:2),set_field:10.0.0.9->ip_dst),NORMAL',
	'ct(commit)', 'ct(commit,force,zone=5)', 'ct(table=4,zone=1)', 'ct(zone=reg3[0..15],table=2)', 'ct(zone=NXM_NX_REG3[16..31])', 'ct(commit,zone=2,exec(set_field:0x1->ct_mark)),goto_table:12', 'ct(commit,exec(load:0x1->NXM_NX_CT_MARK[0],set_field:0x8/0x8->ct_mark,move:reg0[0..7]->NXM_NX_CT_MARK[8..15]))',
	'output:1, output:2', 'output:1,'.repeat(4086) + 'output:2',
];

test.serial('every word of a match', async t => {
	const flows = matches.flatMap((match, index) => [`priority=${index + 1},${match}`, `table=${index % 254},cookie=0xffffffffffffff${(index % 256).toString(16).padStart(2, '0')},${match},priority=${index + 1001}`]);
	const [ours, theirs] = await change(['delete', ...flows.map(flow => `add ${flow},actions=output:1`)]);
	t.is(ours.length, flows.length + 1);
	t.deepEqual(ours, theirs);
});

test.serial('every action', async t => {
	const [ours, theirs] = await change(['delete', ...actions.map((each, index) => `add priority=${index + 1},tcp actions=${each}`), 'add ipv6 actions=push:NXM_NX_IPV6_DST[],set_field:fd00::1->ipv6_dst,pop:NXM_NX_IPV6_DST[]', 'add vlan_tci=0x1000/0x1fff actions=pop_vlan,resubmit(,0)']);
	t.is(ours.length, actions.length + 3);
	t.deepEqual(ours, theirs);
	const conjunctions = ['conjunction(1,1/2)', 'conjunction(0xffffffff,64/64)', 'conjunction(1,2/3),conjunction(2,1/2)'];
	t.deepEqual(...await change(conjunctions.map((each, index) => `add priority=${index + 1001},ip actions=${each}`)));
});

test.serial('meters', async t => {
	const [ours, theirs] = await change(['delete', 'add ip actions=meter:7,output:1,goto_table:3', 'add ipv6 actions=meter:7']);
	t.is(ours.length, 3);
	t.deepEqual(ours, theirs);
});

test.serial('every command', async t => {
	const before = ['delete', 'add cookie=1,table=1,priority=5,tcp actions=drop', 'add cookie=2,table=1,priority=6,tcp actions=drop', 'add cookie=3,table=2,priority=5,tcp actions=drop', 'add cookie=4,udp actions=drop'];
	const changes: ReadonlyArray<readonly [line: string, left: number]> = [
		['modify tcp actions=NORMAL', 4], ['modify table=2,ip actions=NORMAL', 4], ['modify cookie=1/-1 actions=NORMAL', 4], ['modify_strict table=1,priority=6,tcp actions=output:3', 4], ['modify_strict priority=6,tcp actions=output:3', 4],
		['delete tcp', 1], ['delete table=1', 2], ['delete ip', 0], ['delete cookie=2/-1', 3], ['delete cookie=0x1/0x1,table=1', 3], ['delete_strict table=1,priority=5,tcp', 3], ['delete_strict cookie=9/-1,table=1,priority=5,tcp', 4], ['delete_strict priority=5,tcp', 2], ['delete', 0],
	];
	for (const [line, left] of changes) {
		const [ours, theirs] = await change([...before, line]);
		t.is(ours.length, left + 1, line);
		t.deepEqual(ours, theirs, line);
	}
});

const refuses = test.macro<[line: string, why: string]>({
	exec(t, line, why) {
		t.throws(() => encodeFlow(line), {instanceOf: FlowError, message: `Cannot read "${line}": ${why}`});
	},
	title: (_, line) => `cannot read: ${line.length > 80 ? `${line.slice(0, 80)}…` : line}`,
});

const commands = 'is none of add, modify, modify_strict, delete, delete_strict';
test(refuses, 'ip actions=drop', `"ip" ${commands}`);
test(refuses, '', `"" ${commands}`);
test(refuses, 'add ip', '"add" needs actions=…');
test(refuses, 'delete ip actions=drop', '"delete" takes no actions');
test(refuses, 'add foo=1 actions=drop', '"foo" is no field that can be matched or set.');
test(refuses, 'add nw_scr=10.0.0.1,ip actions=drop', '"nw_scr" is no field that can be matched or set. Did you mean nw_src or nd_sll or nw_dst?');
test(refuses, 'add constructor actions=drop', '"constructor" is no field that can be matched or set.');
test(refuses, 'add reg16=1 actions=drop', '"reg16" is no field that can be matched or set. Did you mean reg1 or reg6 or reg10?');
test(refuses, 'add reg0 actions=drop', '"reg0" has no value');
test(refuses, 'add table=254 actions=drop', '"254" is more than 253');
test(refuses, 'add priority=65536 actions=drop', '"65536" is more than 65535');
test(refuses, 'delete priority=5,ip', '"priority=5" means nothing to delete; delete_strict looks at it');
test(refuses, 'add cookie=1/-1 actions=drop', '"cookie=1/-1" cannot have a mask in add');
test(refuses, 'delete cookie=1', '"cookie=1" needs a mask, such as cookie=1/-1: delete can look for cookies, not change them');
test(refuses, 'add tp_dst=80 actions=drop', '"tp_dst" needs tcp or tcp6 or udp or udp6 or sctp or sctp6 in the match');
test(refuses, 'add ip,tp_dst=80 actions=drop', '"tp_dst" needs tcp or tcp6 or udp or udp6 or sctp or sctp6 in the match');
test(refuses, 'add nw_src=10.0.0.1 actions=drop', '"nw_src" needs ip in the match');
test(refuses, 'add ipv6,nw_src=10.0.0.1 actions=drop', '"nw_src" needs ip in the match');
test(refuses, 'add ip,ipv6_src=::1 actions=drop', '"ipv6_src" needs ipv6 in the match');
test(refuses, 'add nw_proto=6 actions=drop', '"nw_proto" needs ip or ipv6 in the match');
test(refuses, 'add udp,tcp_flags=+syn actions=drop', '"tcp_flags" needs tcp or tcp6 in the match');
test(refuses, 'add icmp_type=8 actions=drop', '"icmp_type" needs icmp or icmp6 in the match');
test(refuses, 'add icmp6,nd_target=::1 actions=drop', '"nd_target" needs icmp6,icmp_type=135 or 136 in the match');
test(refuses, 'add icmp6,icmp_type=136,nd_sll=02:00:00:00:00:01 actions=drop', '"nd_sll" needs icmp6,icmp_type=135 in the match');
test(refuses, 'add ip,arp_op=1 actions=drop', '"arp_op" needs arp in the match');
test(refuses, 'add ip,ipv6 actions=drop', '"ipv6" contradicts another word about dl_type');
test(refuses, 'add tcp,udp actions=drop', '"udp" contradicts another word about nw_proto');
test(refuses, 'add reg0=1,reg0=2 actions=drop', '"reg0=2" contradicts another word about reg0');
test(refuses, 'add reg0=1/2 actions=drop', '"1/2" has bits that are not in its mask');
test(refuses, 'add reg0=0x100000000 actions=drop', '"0x100000000" has more than 32 bits');
test(refuses, 'add reg0=1x actions=drop', '"1x" is no number');
test(refuses, 'add in_port=1/1 actions=drop', '"1/1" is no number');
test(refuses, 'add ct_zone=1/1 actions=drop', '"ct_zone=1/1" cannot have a mask');
test(refuses, 'add ip,nw_src=10.0.0.1/8 actions=drop', '"10.0.0.1/8" has bits that are not in its mask');
test(refuses, 'add ip,nw_src=10.0.0.0/33 actions=drop', '"33" is more than 32');
test(refuses, 'add ip,nw_src=10.0.0 actions=drop', '"10.0.0" is no IPv4 address');
test(refuses, 'add ipv6,ipv6_src=10.0.0.1 actions=drop', '"10.0.0.1" is no IPv6 address');
test(refuses, 'add dl_src=02:00 actions=drop', '"02:00" is no MAC address');
test(refuses, 'add ct_state=+trk+neu actions=drop', '"neu" is no flag. Did you mean new?');
test(refuses, 'add ct_state=+trk-trk actions=drop', '"+trk-trk" names trk twice');
test(refuses, 'add ip,nw_frag=maybe actions=drop', '"maybe" is none of no, yes, first, later, not_later');
test(refuses, 'add actions=outptu:1', '"outptu:1" is no action. Did you mean output?');
test(refuses, 'add actions=', '"" is no action.');
test(refuses, 'add actions=output:70000', '"70000" is more than 65279');
test(refuses, 'add actions=output:reg0[3..1]', '"reg0[3..1]" names bits that reg0 does not have: they go from 0 to 31');
test(refuses, 'add actions=output:reg0[0..32]', '"reg0[0..32]" names bits that reg0 does not have: they go from 0 to 31');
test(refuses, 'add actions=drop,output:1', '"drop" stands alone');
test(refuses, 'add actions=goto_table:3,output:1', '"goto_table:3" comes after all other actions');
test(refuses, 'add actions=output:1,meter:3', '"meter:3" comes before all other actions');
test(refuses, 'add actions=goto_table:254', '"254" is more than 253');
test(refuses, 'add actions=resubmit(3)', '"3" is not what resubmit takes: (PORT,TABLE) or (,TABLE)');
test(refuses, 'add actions=clone(output:1', '"clone(output:1" has parentheses that do not match');
test(refuses, 'add actions=clone(goto_table:1)', '"goto_table:1" comes after all other actions');
test(refuses, 'add actions=set_field:1->foo', '"foo" is no field that can be matched or set.');
test(refuses, 'add actions=set_field:1', '"1" needs one arrow (->)');
test(refuses, 'add actions=set_field:10.0.0.1->ip_dst', '"ip_dst" needs ip in the match');
test(refuses, 'add actions=push:NXM_OF_IP_DST[]', '"NXM_OF_IP_DST" needs ip in the match');
test(refuses, 'add actions=push:reg0', '"reg0" is not what is needed here: FIELD[], FIELD[BIT] or FIELD[FIRST..LAST]');
test(refuses, 'add actions=load:4->reg0[0..1]', '"4" has more than 2 bits');
test(refuses, 'add actions=move:reg0[0..7]->reg1[]', '"reg0[0..7]->reg1[]" moves 8 bits to 32');
test(refuses, 'add ip actions=ct(nat)', '"nat" is not what ct takes: commit, force, zone=, table= and exec(…)');
test(refuses, 'add ip actions=conjunction(1,3/2)', '"1,3/2" is not what conjunction takes: (ID,K/N), K from 1 to N, N from 2 to 64');
test(refuses, 'add ip actions=pop_vlan:3', '"3" is too much: pop_vlan takes nothing');
test(refuses, `add ip actions=${'output:1,'.repeat(5000)}NORMAL`, '"actions" take more than 65519 bytes, which is what one message holds');

test('a flow that was refused leaves nothing behind in the next', t => {
	const line = 'add ip,nw_src=10.0.0.1 actions=output:1';
	const {message} = encodeFlow(line);
	t.throws(() => encodeFlow('add ip,nw_src=10.0.0.1 actions=output:1,foo'));
	t.deepEqual(encodeFlow(line).message, message);
});
