/** How flows change: only what differs, and in a time that nobody notices. */
import test from 'ava';
import {cookieOf} from '../../lib/drivers/flow.ts';
import {allFlows, diffFlows, plainSwitch, renderFlows, unsupportedByFlows} from '../../lib/drivers/openflow-render.ts';
import {meterText} from '../../lib/drivers/openflow-meters.ts';
import {placeRules} from '../../lib/drivers/openflow-rules.ts';
import {limit, priority, table} from '../../lib/drivers/pipeline.ts';
import {switchPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';

const base = {
	sets: {'sg:db': '10.0.0.2', 'sg:web': '10.0.0.1'},
	bound: '10.0.0.1 10.0.0.2',
	domains: ['10.0.0.0/24'],
	rules: ['1: allow sg:web to sg:db', '2: deny any to 10.0.0.9', '3: allow sg:db to any'],
	hosts: ['10.0.0.1 bound', '10.0.0.2 bound', '10.0.0.3', '10.0.0.4'],
} satisfies Sketch;

/** What the bundle says when `base` becomes the sketch; cookies are left out. */
const changes = test.macro({
	exec(t, after: Sketch, expected: readonly string[]) {
		const before = renderFlows(switchPlan(base), plainSwitch);
		const lines = diffFlows(before, renderFlows(switchPlan(after), before));
		t.deepEqual(lines.map(({line}) => line.replace(/,?cookie=[^, ]*,?/, match => match.startsWith(',') ? ',' : '')), [...expected]);
	},
	title: name => `change: ${name ?? ''}`,
});

const [first, , third] = base.rules;
const ruleAt = (place: number) => `table=8,priority=${priority.ruleFirst - (place * priority.ruleStep)}`;
const web = 'reg0=0x2/0x2';
const db = 'reg7=0x1/0x1';
const firstOnly = 'reg15=0x0/0x1';

test('the same again is nothing', changes, base, []);
test('one rule swapped for another is one flow out and one flow in', changes, {...base, rules: [first ?? '', '4: deny any to 10.0.0.8', third ?? '']}, [
	`delete_strict ${ruleAt(2)},ip,nw_dst=10.0.0.9`,
	`add ${ruleAt(2)},ip,nw_dst=10.0.0.8,actions=drop`,
]);
test('a rule with the same match takes the place of the other, and not its count', changes, {...base, rules: ['4: deny sg:web to sg:db', ...base.rules.slice(1)]}, [
	`delete_strict ${ruleAt(1)},${web},${db},${firstOnly}`,
	`add ${ruleAt(1)},${web},${db},actions=drop`,
]);
test('a rule more is one flow', changes, {...base, rules: [...base.rules, '4: allow any to any']}, [`add ${ruleAt(4)},${firstOnly},actions=goto_table:${table.permit}`]);
test('a rule less is one flow', changes, {...base, rules: base.rules.slice(0, 2)}, [`delete_strict ${ruleAt(3)},reg0=0x1/0x1,${firstOnly}`]);
test('a rule between two others moves neither', changes, {...base, rules: [first ?? '', '9: deny sg:db to sg:db', ...base.rules.slice(1)]}, [
	`add table=8,priority=${priority.ruleFirst - (1.5 * priority.ruleStep)},reg0=0x1/0x1,${db},actions=drop`,
]);
test('an address more in a set is one flow a side', changes, {...base, sets: {...base.sets, 'sg:web': '10.0.0.1 10.0.0.77'}}, [
	'add table=5,priority=1032,ip,nw_src=10.0.0.77,actions=set_field:0x2->reg0,set_field:0x20000/0xffff0000->reg14,goto_table:6',
	'add table=6,priority=1032,ip,nw_dst=10.0.0.77,actions=set_field:0x2->reg7,set_field:0x2/0xffff->reg14,goto_table:8',
]);

test('a bound host more touches its own port, its own address and the list of receivers', t => {
	const before = renderFlows(switchPlan(base), plainSwitch);
	const after = {...base, bound: `${base.bound} 10.0.0.3`, sets: {...base.sets, 'sg:web': '10.0.0.1 10.0.0.3'}, hosts: base.hosts.map((host, index) => index === 2 ? `${host} bound` : host)};
	const others = diffFlows(before, renderFlows(switchPlan(after), before)).map(({line}) => line).filter(line => !line.includes('in_port=3') && !line.includes('10.0.0.3') && !line.includes('02:00:00:00:00:03'));
	t.deepEqual(others.map(line => line.split(',')[0]?.replace('add ', '')), [`table=${table.multicast}`, `table=${table.other}`]);
});

test('a set keeps its number while others come and go', t => {
	const before = renderFlows(switchPlan(base), plainSwitch);
	const rules = [...base.rules, '4: allow sg:apps to sg:db'];
	const more = renderFlows(switchPlan({...base, rules, sets: {'sg:apps': '10.0.0.4', ...base.sets}}), before);
	t.deepEqual([...more.shared.numbers], [['sg:db', 0], ['sg:web', 1], ['sg:apps', 2]]);
	const less = renderFlows(switchPlan({...base, rules: ['4: allow sg:apps to any'], sets: {'sg:apps': '10.0.0.4'}}), more);
	t.deepEqual([...less.shared.numbers], [['sg:apps', 2]]);
});

test('switches that share a plan share its flows', t => {
	const plan = switchPlan(base);
	const [s1, s2] = [renderFlows(plan, plainSwitch), renderFlows({...plan, device: 's2', zone: 2}, plainSwitch)];
	t.is(s1.shared, s2.shared);
	const next = switchPlan({...base, bound: '10.0.0.1'});
	t.is(renderFlows(next, s1).shared, renderFlows({...next, zone: 2}, s2).shared);
});

test('no two flows of a table have the same cookie', t => {
	const flows = allFlows(renderFlows(switchPlan(base), plainSwitch));
	t.is(new Set(flows.map(flow => `${flow.table} ${cookieOf(flow)}`)).size, flows.length);
});

test('a flow of a rule carries the rule in its cookie and its sentence', t => {
	const flows = allFlows(renderFlows(switchPlan(base), plainSwitch)).filter(({rule}) => rule === 3);
	t.deepEqual(flows.map(flow => [cookieOf(flow) >> 44n, flow.sentence]), [[3n, 'allow sg:db to any']]);
});

test('priorities: a full gap spreads all rules again', t => {
	let placed = placeRules([1, 2]);
	for (let id = 3; id < 10; id++) {
		placed = placeRules([1, id, ...[...placed.keys()].filter(other => other !== 1)], placed);
		const values = [...placed.values()];
		t.deepEqual(values, values.toSorted((a, b) => b - a));
		t.is(new Set(values).size, values.length);
	}
});

test('priorities: as many rules as there is room for', t => {
	const ids = Array.from({length: limit.rules - 1}, (_, index) => index + 1);
	const values = [...placeRules(ids).values()];
	t.is(new Set(values).size, ids.length);
	t.true(values.every(value => value > priority.ruleLast && value <= priority.ruleFirst));
});

test('says what a switch cannot hold', t => {
	const sets = Object.fromEntries(Array.from({length: limit.sets + 1}, (_, index) => [`sg:g${index}`, '10.0.0.1']));
	t.deepEqual(unsupportedByFlows(switchPlan({...base, sets}), 'netdev'), ['a switch holds at most 224 groups and address sets that rules name, this policy needs 225']);
	t.deepEqual(unsupportedByFlows(switchPlan({...base, rules: ['1048576: allow any to any']}), 'netdev'), ['a switch holds at most 1048575 rule ids, this policy needs 1048576']);
	t.deepEqual(unsupportedByFlows(switchPlan(base), 'netdev'), []);
});

const noPorts = 'connection tracking of the userspace switch knows no SCTP ports';
for (const [rule, ...refusals] of [
	['allow any to any sctp dport 9', `${noPorts}; make it stateless, and add a stateless rule for the way back`],
	['deny any to any sctp sport 9', `${noPorts}, so an SCTP connection to another port would get past the rule; deny sctp without ports, or allow ports by stateless rules`],
	['allow any to any sctp dport 9 stateless'],
	['allow any to any sctp'],
	['allow any to any tcp dport 9'],
] as const) {
	test(`SCTP: ${rule} is ${refusals.length > 0 ? 'refused by userspace connection tracking' : 'possible'}`, t => {
		const plan = switchPlan({...base, rules: [rule]});
		t.deepEqual(unsupportedByFlows(plan, 'netdev'), refusals.map(why => `"${rule}": ${why}`));
		t.deepEqual(unsupportedByFlows(plan, 'system'), []);
	});
}

test('a rule has one meter, with the number of the rule', t => {
	const {meters} = renderFlows(switchPlan({...base, rules: ['7: allow any to any tcp dport 80,90 rate 5 10', '8: allow any to any']}), plainSwitch);
	t.deepEqual([...meters].map(([id, rate]) => meterText(id, rate)), ['meter=7,pktps,burst,band=type=drop,rate=5,burst_size=10']);
	t.deepEqual(unsupportedByFlows(switchPlan({...base, rules: ['200001: allow any to any rate 5 10']}), 'netdev'), ['a switch holds at most 200000 rule ids with a rate, this policy needs 200001']);
});

/** Flows of the first rule in the table of rules. */
const takes = test.macro({
	exec(t, rule: string, flows: number) {
		const {rules} = renderFlows(switchPlan({...base, rules: [rule]}), plainSwitch);
		t.is(rules.get(1)?.length, flows);
	},
	title: (_, rule: string, flows: number) => `flows: ${rule} takes ${flows}`,
});

test(takes, 'allow sg:web to sg:db', 1);
test(takes, 'deny !sg:web to !sg:db', 1);
test(takes, 'allow sg:web to sg:db tcp dport 80', 2);
test(takes, 'deny sg:web to sg:db tcp sport 1000-1100 dport 80', 12);
test(takes, 'deny sg:web to sg:db tcp sport 1000-1100 dport 2000-2100', 12 + 12 + 1);
test(takes, 'deny 10.0.0.1,10.0.0.3,10.0.0.5 to 10.0.0.2,10.0.0.4,10.0.0.6 tcp sport 1000-1100 dport 2000-2100', 3 + 3 + 6 + 6 + 1);
test(takes, 'deny 10.0.0.1,10.0.0.3 to 10.0.0.2,10.0.0.4', 4);
test(takes, 'deny 10.0.0.1 to fd00::1', 0);

test.serial('with 1,000 members and 1,000 rules a change is rendered in under 50 ms', t => {
	const {rules, shared: {order}} = switchPlan({rules: Array.from({length: 1000}, (_, index) => `${index + 1}: allow sg:a to 10.2.${index >> 8}.${index & 255}`)});
	const members = Array.from({length: 1000}, (_, index) => `10.1.${index >> 8}.${index & 255}`).join(' ');
	const sketch = (extra: string) => {
		const plan = switchPlan({...base, sets: {'sg:a': `${members} ${extra}`, 'sg:b': '10.0.0.2'}});
		return {...plan, shared: {...plan.shared, order}, rules};
	};

	let state = renderFlows(sketch('10.3.0.1'), plainSwitch);
	const times = Array.from({length: 20}, (_, index) => index + 2).map(number => {
		const plan = sketch(`10.3.0.${number}`);
		const started = cpuTime();
		const next = renderFlows(plan, state);
		const lines = diffFlows(state, next);
		const took = cpuTime() - started;
		t.is(lines.length, 4);
		state = next;
		return took;
	});
	t.log(`${times.map(time => time.toFixed(1)).join(' ')} ms`);
	t.true(Math.min(...times) < 50);
});

/** Milliseconds this process has worked: unlike the clock it does not count what other programs do meanwhile. */
function cpuTime(): number {
	const {user, system} = process.cpuUsage();
	return (user + system) / 1000;
}
