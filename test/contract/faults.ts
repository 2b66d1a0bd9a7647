/** The contract finds what it is for: each planted mistake turns its cases red, and leaves the others of its group green. */
import test from 'ava';
import {type DriverFactory, type FirewallDriver, namedDrivers, standardDrivers, testDriver} from '../../lib/index.ts';
import type {Case, DriverUnderTest, Kind} from '../../lib/contract/case.ts';
import {cases} from '../../lib/contract/cases/index.ts';
import {changeCases} from '../../lib/contract/cases/changes.ts';
import {connectionCases} from '../../lib/contract/cases/connections.ts';
import {groupCases} from '../../lib/contract/cases/groups.ts';
import {portCases} from '../../lib/contract/cases/port.ts';
import {trafficCases} from '../../lib/contract/cases/traffic.ts';
import {createOpenflowDriver} from '../../lib/drivers/openflow.ts';
import type {FirewallName} from '../../lib/topology/firewalls.ts';
import {type CommonFaultName, type FaultName, faulty, faultyAs} from '../fixtures/faulty-drivers.ts';
import {patience} from '../helpers/patience.ts';

const groups = {port: portCases, traffic: trafficCases, groups: groupCases, connections: connectionCases, changes: changeCases} as const;

type Row = {readonly fault: FaultName; readonly group: keyof typeof groups; readonly red: readonly string[]};

const rows: readonly Row[] = [
	{fault: 'forgetsDhcpClients', group: 'port', red: ['F1']},
	{fault: 'forgetsDhcpServers', group: 'port', red: ['F2']},
	{fault: 'forgetsMacs', group: 'port', red: ['F8', 'F10']},
	{fault: 'forgetsAddresses', group: 'port', red: ['F9', 'F10']},
	{fault: 'forgetsAllowedAddresses', group: 'port', red: ['F10']},
	{fault: 'securesEveryPort', group: 'port', red: ['F11']},
	{fault: 'knowsPortsByMac', group: 'port', red: ['S4']},
	{fault: 'opensMoreThanIcmp', group: 'traffic', red: ['F3', 'F4']},
	{fault: 'takesTcpForAll', group: 'traffic', red: ['F4']},
	{fault: 'forgetsSourcePorts', group: 'traffic', red: ['F5', 'F7', 'S6']},
	{fault: 'endsPortRangesEarly', group: 'traffic', red: ['F6']},
	{fault: 'beginsSourceRangesLate', group: 'traffic', red: ['F7']},
	{fault: 'keepsErrorsBack', group: 'traffic', red: ['F13']},
	{fault: 'forgetsProtocolNumbers', group: 'traffic', red: ['S3']},
	{fault: 'takesSctpForUdp', group: 'traffic', red: ['S3', 'S6']},
	{fault: 'forgetsStateless', group: 'traffic', red: ['S6']},
	{fault: 'takesTcpForAll', group: 'groups', red: ['F12']},
	{fault: 'neverRemovesMembers', group: 'groups', red: ['F22', 'S5']},
	{fault: 'neverAddsMembers', group: 'groups', red: ['S1']},
	{fault: 'forgetsWhoLeaves', group: 'groups', red: ['S5']},
	{fault: 'keepsOneRuleATarget', group: 'groups', red: ['S2']},
	{fault: 'keepsConnections', group: 'connections', red: ['F14', 'F16']},
	{fault: 'opensForAMoment', group: 'connections', red: ['F15']},
	{fault: 'closesForAMoment', group: 'connections', red: ['F20']},
	{fault: 'dropsInRulesForAMoment', group: 'connections', red: ['F20']},
	{fault: 'tellsTwice', group: 'connections', red: ['F21']},
	{fault: 'alwaysDiffers', group: 'changes', red: ['F17']},
	{fault: 'sortsRulesById', group: 'changes', red: ['F18']},
	{fault: 'startsOver', group: 'changes', red: ['M1']},
];

for (const {fault, group, red} of rows) {
	catches({name: fault, kind: 'switch', create: faulty(fault)}, `a driver that ${words(fault)}`, group, red);
}

/** What the contract asks of devices of other kinds, and that it sees them fail. */
const otherRows: ReadonlyArray<Omit<Row, 'fault'> & {readonly driver: FirewallName; readonly fault: CommonFaultName}> = [
	{driver: 'iptables-perimeter', fault: 'allowsByDefault', group: 'port', red: ['F1']},
	{driver: 'iptables-perimeter', fault: 'neverRemovesMembers', group: 'groups', red: ['F22', 'S5']},
	{driver: 'iptables-perimeter', fault: 'keepsConnections', group: 'connections', red: ['F14', 'F16']},
	{driver: 'nftables-perimeter', fault: 'forgetsRulesForAMoment', group: 'connections', red: ['F20']},
	{driver: 'nftables-bridge', fault: 'forgetsAllowedAddresses', group: 'port', red: ['F10']},
	{driver: 'nftables-bridge', fault: 'keepsConnections', group: 'connections', red: ['F14', 'F16']},
];

for (const {driver, fault, group, red} of otherRows) {
	catches({name: fault, kind: namedDrivers[driver].kind, create: faultyAs(driver, fault)}, `${driver} that ${words(fault)}`, group, red);
}

function catches(driver: DriverUnderTest, told: string, group: Row['group'], red: readonly string[]): void {
	test.serial(`${told} fails ${red.join(', ')} and no other case about ${group}`, async t => {
		t.timeout(120_000 * patience);
		const {cases: results, ok} = await testDriver(driver, {only: groups[group].map(({name}) => name), patience});
		t.false(ok);
		t.deepEqual(results.filter(({status}) => status === 'fail').map(({name}) => name).sort(), [...red].sort(), JSON.stringify(results.flatMap(({name, failures}) => failures.map(({what, expected, observed}) => [name, what, expected, observed])), undefined, 1));
		t.deepEqual(results.filter(({status}) => status === 'not supported').map(({name}) => name), inapplicable(group, driver.kind));
	});
}

function inapplicable(group: Row['group'], kind: Kind): string[] {
	const all: readonly Case[] = groups[group];
	return cases.filter(each => all.includes(each) && each.inapplicable?.[kind] !== undefined).map(({name}) => name);
}

test('every case is turned red by some mistake', t => {
	t.deepEqual(cases.map(({name}) => name).filter(name => rows.every(({red}) => !red.includes(name))), []);
});

test.serial('a driver that forgets IPv6 fails F19 only', async t => {
	const {cases: results} = await testDriver({name: 'forgetsIpv6', kind: 'switch', create: faulty('forgetsIpv6')}, {only: ['F3', 'F19'], patience});
	t.deepEqual(results.map(({name, status}) => [name, status]), [['F3', 'pass'], ['F19', 'fail']]);
	t.true(results[1]?.failures.some(({what}) => what.startsWith('F3: ')));
});

test.serial('what a driver says it cannot do is not supported, in its own words', async t => {
	const {cases: results, ok} = await testDriver({name: 'refusesPorts', kind: 'switch', create: faulty('refusesPorts')}, {only: ['F3', 'F6'], patience});
	t.true(ok);
	t.deepEqual(results.map(({status, reason}) => [status, reason]), [['pass', undefined], ['not supported', 's1: it knows no ports']]);
});

for (const {driver, only, mistake, right, wrong} of [
	{driver: 'openflow', only: 'F20', mistake: 'closesForAMoment', right: faulty('refusesStateless'), wrong: faulty('refusesStateless', 'closesForAMoment')},
	{driver: 'nftables-perimeter', only: 'M1', mistake: 'allowsByDefault', right: faultyAs('nftables-perimeter', 'refusesStateless'), wrong: faultyAs('nftables-perimeter', 'refusesStateless', 'allowsByDefault')},
] as const) {
	test.serial(`${driver} without stateless rules plays ${only} without the ping that needs them, and fails it when it ${words(mistake)}`, async t => {
		t.timeout(120_000 * patience);
		for (const [create, status] of [[right, 'pass'], [wrong, 'fail']] as const) {
			const {cases: [result]} = await testDriver({name: 'tracks', kind: namedDrivers[driver].kind, create}, {only: [only], patience});
			t.is(result?.status, status, JSON.stringify(result));
		}
	});
}

test.serial('a driver that leaves behind what it had fails M1, and what stays is told', async t => {
	const create: DriverFactory = context => {
		const driver = namedDrivers['nftables-perimeter'].create(context);
		return {...driver, apply: async step => step.next === driver.plain ? undefined : driver.apply(step)};
	};

	const {cases: [result]} = await testDriver({name: 'leaves', kind: 'perimeter', create}, {only: ['M1'], patience});
	t.is(result?.status, 'fail');
	t.deepEqual(result?.failures.map(({what}) => what), ['lines on the device that another driver sees come or go']);
	t.regex(result?.failures[0]?.observed ?? '', /^table inet securenet \{$/m);
});

test.serial('a driver of switches that is not made of ours does not support an exchange with ours, and says why', async t => {
	const create: DriverFactory = context => {
		const driver = createOpenflowDriver(context);
		const plain = {...driver.plain};
		const render: typeof driver.render = (plan, previous) => driver.render(plan, previous === plain ? driver.plain : previous);
		return {...driver, plain, render};
	};

	const {cases: results} = await testDriver({name: 'own', kind: 'switch', create}, {only: ['F3', 'M1'], patience});
	t.deepEqual(results.map(({status}) => status), ['pass', 'not supported']);
	t.regex(results[1]?.reason ?? '', /^s1: a switch has one pipeline of flows, in which two drivers cannot stand beside each other/);
});

test.serial('a driver that leaves out what the contract lets it leave out does not support what needs that', async t => {
	const create: DriverFactory = context => ({...standardDrivers.switch(context), watchLog: undefined}) as unknown as FirewallDriver<unknown>;
	const {cases: results} = await testDriver({name: 'deaf', kind: 'switch', create}, {only: ['F3', 'F21'], patience});
	t.deepEqual(results.map(({status, reason}) => [status, reason]), [['pass', undefined], ['not supported', 'it has no watchLog']]);
});

test.serial('a driver that crashes fails, and its words are told', async t => {
	const {cases: [result]} = await testDriver({name: 'crashes', kind: 'switch', create: faulty('crashes')}, {only: ['F3'], patience});
	t.like(result, {status: 'fail'});
	t.like(result?.failures.at(-1), {what: 'the case', observed: 'The lab could not be started: out of order'});
});

/** `forgetsDhcpClients` → `forgets dhcp clients`. */
function words(name: string): string {
	return name.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`);
}
