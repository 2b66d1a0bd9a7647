/** How much of a large policy each device holds, and how little of it a small change touches: counts, which no busy machine changes. */
import test from 'ava';
import {editText} from '../../lib/drivers/iptables-edit.ts';
import {diffPerimeter, plainRouter, renderPerimeter} from '../../lib/drivers/iptables-render.ts';
import type {PerimeterState} from '../../lib/drivers/iptables-render.ts';
import {nftCommands, plainTable, renderNftables} from '../../lib/drivers/nftables-render.ts';
import {allFlows, diffFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import type {FlowState} from '../../lib/drivers/openflow-render.ts';
import {compile} from '../../lib/policy/compile.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import type {Policy} from '../../lib/policy/model.ts';
import {addRule, bind, unbind} from '../../lib/policy/repository.ts';
import {check} from '../../lib/topology/check.ts';
import {Campus, campusPolicy} from '../../scripts/bench/campus.ts';

const blueprint = check(new Campus({hosts: 200, networks: 4}));
const inventory = inventoryOf(blueprint);
const groups = 20;

type Installed = {readonly switches: ReadonlyMap<string, FlowState>; readonly firewall: PerimeterState};

const nothing: Installed = {switches: new Map(), firewall: plainRouter};

function install(policy: Policy, previous: Installed = nothing): Installed {
	const {devices} = compile(policy, inventory);
	const [plans, firewalls] = ['switch', 'perimeter'].map(kind => [...devices.values()].filter(plan => plan.kind === kind));
	const [firewall] = firewalls ?? [];
	return {
		switches: new Map((plans ?? []).map(plan => [plan.device, renderFlows(plan, previous.switches.get(plan.device) ?? plainSwitch)])),
		firewall: firewall ? renderPerimeter(firewall, previous.firewall) : plainRouter,
	};
}

/** Flows that differ, on each switch. */
function changedFlows(before: Installed, after: Installed): number[] {
	return [...after.switches].map(([name, state]) => diffFlows(before.switches.get(name) ?? plainSwitch, state).length);
}

function sizeOf({switches, firewall}: Installed): number {
	return [...switches.values()].reduce((sum, state) => sum + allFlows(state).length, 0) + firewall.lines[4].length + firewall.lines[6].length;
}

test('flows and lines grow with members + rules, not with members × rules', t => {
	const sizes = [40, 80, 160].map(size => sizeOf(install(campusPolicy(blueprint.nodes, {hosts: size, groups, rules: size}))));
	const [small = 0, middle = 0, large = 0] = sizes;
	const ratio = (large - middle) / (middle - small);
	t.true(ratio > 1.7 && ratio < 2.3, `${sizes.join(', ')}: twice the growth for twice the size`);
});

const policy = campusPolicy(blueprint.nodes, {hosts: 200, groups, rules: 200});
const installed = install(policy);

test('a host that leaves its only group, and comes back, touches no flow of other hosts but where it is the first of its switch', t => {
	const without = (hosts: readonly string[]) => hosts.reduce((next, host) => unbind(next, blueprint.nodes, host, [[...policy.groups].find(([, members]) => members.has(host))?.[0] ?? '']), policy);
	const first = install(without(['h1']), installed);
	const back = install(policy, first);
	const again = install(without(['h5']), back);
	const most = 40;
	for (const [before, after] of [[first, back], [back, again], [again, back], [back, first]] as const) {
		t.deepEqual(changedFlows(before, after).filter(count => count > most), []);
	}
});

test('a member more, and less, touches two flows of each switch and one element of the firewall', t => {
	const more = install(bind(policy, blueprint.nodes, 'h1', ['g7']), installed);
	t.deepEqual(changedFlows(installed, more), [2, 2, 2, 2]);
	t.deepEqual(elements(installed, more), {changed: ['add sg:g7 10.0.1.1'], created: 0, replaced: 0});
	const less = install(unbind(bind(policy, blueprint.nodes, 'h1', ['g7']), blueprint.nodes, 'h1', ['g7']), more);
	t.deepEqual(changedFlows(more, less), [2, 2, 2, 2]);
	t.deepEqual(elements(more, less), {changed: ['del sg:g7 10.0.1.1'], created: 0, replaced: 0});
});

test('a rule more, in whatever place, touches the flow of that rule on each switch and one line of the firewall', t => {
	for (const prio of [1, 1000, 2000]) {
		const more = install(addRule(policy, {action: 'deny', from: {kind: 'group', name: 'g3'}, to: {kind: 'group', name: 'g7'}, prio}), installed);
		t.true(changedFlows(installed, more).every(count => count <= 1));
		t.deepEqual(elements(installed, more), {changed: [], created: 0, replaced: 1});
		t.is(editText(installed.firewall.lines[4], more.firewall.lines[4])?.match(/^-/gm)?.length, 1);
	}
});

test('nftables fills only the chain that a rule more stands in', t => {
	const [before, after] = [policy, addRule(policy, {action: 'deny', from: {kind: 'group', name: 'g3'}, to: {kind: 'group', name: 'g7'}})].map(each => compile(each, inventory).devices.get('fw')).map(plan => plan ? renderNftables(plan) : plainTable);
	t.deepEqual(nftCommands(before ?? plainTable, after ?? plainTable).filter(command => command.startsWith('flush')), ['flush chain inet securenet PFW.4']);
});

/** Names without hash and generation. */
function elements(before: Installed, after: Installed): {changed: string[]; created: number; replaced: number} {
	const {change, create, replace} = diffPerimeter(before.firewall, after.firewall);
	return {changed: change.map(line => line.replace(/\.\w+\.\d+\.4 /, ' ')), created: create.length, replaced: replace.length};
}
