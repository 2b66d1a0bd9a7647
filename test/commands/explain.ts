/** `explain` in a lab that runs: it agrees with devices and network, and says so when one of them has been tampered with. */
import test, {type ExecutionContext} from 'ava';
import type {ExplainResult, InputError, Lab} from '../../lib/index.ts';
import {type FirewallName, firewallNames} from '../../lib/topology/firewalls.ts';
import SecureNet from '../../topologies/securenet.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {labOf} from '../helpers/scenario.ts';

/** `s1 passes trace, fw rejects counters | blocked | verdict` */
async function explained(lab: Lab, line: string): Promise<string> {
	const [result] = await lab.run(`explain ${line}`);
	const {points, probe, verdict} = result?.result as ExplainResult;
	return [points.map(({device, fate, checked}) => `${device} ${fate} ${checked}`).join(', '), probe?.verdict ?? 'no probe', verdict].join(' | ');
}

const setUp = ['h10 bind web', 'h20 bind db', 'secrule add allow web to db tcp dport {80,443}', 'secrule add reject any to db udp', 'secrule add deny h11 to h10', 'secrule add allow any to db tcp dport 81 stateless'];

test.serial('verdict, points and probe agree', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run(...setUp);
	const all = {passes: 's1 passes trace, fw passes counters, s2 passes trace', dies: 's1 drops trace, fw beyond nothing, s2 beyond trace'};
	t.is(await explained(lab, 'h10 h20 tcp 80'), `${all.passes} | allowed | Allowed by rule 1 (allow web to db tcp dport {80,443}).`);
	t.is(await explained(lab, '10.0.10.10 10.0.20.20 tcp 443'), `${all.passes} | allowed | Allowed by rule 1 (allow web to db tcp dport {80,443}).`);
	t.is(await explained(lab, 'h10 h21'), `${all.dies} | blocked | Denied: no rule matches, and a perimeter firewall stands between the two addresses.`);
	t.is(await explained(lab, 'h10 h20 udp domain'), 's1 passes trace, fw rejects counters, s2 beyond trace | blocked | Rejected by rule 2 (reject any to db udp).');
	t.is(await explained(lab, 'h21 h20 udp 53'), 's2 drops trace | blocked | Rejected by rule 2 (reject any to db udp).');
	t.is(await explained(lab, 'h11 h10'), 's1 drops trace | blocked | Denied by rule 3 (deny h11 to h10).');
	t.is(await explained(lab, 'h10 fw'), 's1 passes trace | allowed | Allowed: traffic to a router itself is not judged.');
	t.is(await explained(lab, 'h10 h20 tcp 80 --static'), `${all.passes.replaceAll(/trace|counters/g, 'nothing')} | no probe | Allowed by rule 1 (allow web to db tcp dport {80,443}).`);
	t.is(await explained(lab, '192.0.2.1 h20'), ' | no probe | Denied: no rule matches, and a perimeter firewall stands between the two addresses.');
});

/** A host in each of two networks, and a perimeter firewall between them. */
const parted = (between: 's' | 'b') => new Sketch(`
	h1 10.0.1.1/24,fd01::1/64 -- ${between}1
	h2 10.0.1.2/24,fd01::2/64 -- ${between}1
	${between}1 -- fw 10.0.1.254/24,fd01::fe/64
	${between}2 -- fw 10.0.2.254/24,fd02::fe/64
	h3 10.0.2.3/24,fd02::3/64 -- ${between}2
`);

/** Packets of both families through both networks, and one that stays in the first. */
const pairs = [['h1', 'h3', 'h2'], ['fd01::1', 'fd02::3', 'fd01::2']] as const;

async function agreesUnder(t: ExecutionContext, driver: FirewallName): Promise<void> {
	const [between, by] = driver === 'nftables-bridge' ? ['b', 'counters'] as const : ['s', 'trace'] as const;
	const lab = await labOf(t, parted(between), {firewalls: [driver]});
	await lab.run('h3 bind web', 'secrule add allow h1 to web tcp dport 80', ...driver === 'sg' ? [] : ['secrule add deny h1 to h2 icmp', 'secrule add reject h1 to web udp']);
	const along = (first: string, fw: string, last: string) => `${between}1 ${first} ${by}, fw ${fw}, ${between}2 ${last}`;
	for (const [from, to, near] of pairs) {
		t.is(await explained(lab, `${from} ${to} tcp 80`), `${along('passes', 'passes counters', `passes ${by}`)} | allowed | Allowed by rule 1 (allow h1 to web tcp dport 80).`);
		t.is(await explained(lab, `${from} ${to} tcp 81`), `${along('drops', 'beyond nothing', `beyond ${by === 'trace' ? by : 'nothing'}`)} | blocked | Denied: no rule matches, and a perimeter firewall stands between the two addresses.`);
		t.is(await explained(lab, `${from} ${near} tcp 80`), `${between}1 passes ${by} | allowed | Allowed: no rule matches, and nothing guards the destination.`);
		if (driver !== 'sg') {
			t.is(await explained(lab, `${from} ${near}`), `${between}1 drops ${by} | blocked | Denied by rule 2 (deny h1 to h2 icmp).`);
			t.is(await explained(lab, `${from} ${to} udp 53`), `${along('passes', 'rejects counters', `beyond ${by === 'trace' ? by : 'nothing'}`)} | blocked | Rejected by rule 3 (reject h1 to web udp).`);
		}
	}
}

for (const driver of firewallNames) {
	test.serial(`verdict, points and probe agree under ${driver}, in both families`, async t => agreesUnder(t, driver));
}

test.serial('a stateless rule lets no answer pass; a path may end early', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run(...setUp);
	const [stateless, outside] = await lab.run('explain h30 h20 tcp 81', 'explain h10 192.0.2.1');
	t.like(stateless?.result, {action: 'allow', rule: 4, probe: {verdict: 'blocked', reason: 'the answer left h20 and did not reach h30'}, answer: 'Denied: no rule matches, and a perimeter firewall stands between the two addresses.'});
	t.like(outside?.result, {path: ['h10', 's1', 'fw'], broken: 'fw has no route to 192.0.2.1', action: 'deny'});
	t.regex(stateless?.text ?? '', /^way: h30 s3 fw s2 h20$/m);
});

test.serial('a device that does something else than the policy says is told', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run(...setUp);
	await lab.node('s1').run`ovs-ofctl -O OpenFlow14 add-flow s1 ${'table=8,priority=65535,tcp,tp_dst=80,actions=drop'}`;
	const error = await t.throwsAsync(lab.run('explain h10 h20 tcp 80'), {code: 'disagreement'});
	t.deepEqual(error.message.split('\n'), [
		'Policy, devices and network disagree.',
		'  policy: Allowed by rule 1 (allow web to db tcp dport {80,443}).',
		'  s1: should be: passes; its trace says: drops, by no rule',
		'  fw: should be: passes; the rule that decides has counted no packet there',
		'  s2: passes; its trace agrees',
		'  probe: blocked, the request left h10 and did not reach h20',
	]);
	await lab.node('fw').run`iptables -I FORWARD -j ACCEPT`;
	await t.throwsAsync(lab.run('explain h10 h20 tcp 443'), {code: 'disagreement', message: /fw: should be: passes; the rule that decides has counted no packet there\n.*\n {2}probe: allowed/});
});

test.serial('packets that die where nothing is enforced are told', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run(...setUp);
	await lab.node('fw').run`iptables -t mangle -A POSTROUTING -d 10.0.20.20 -j DROP`;
	await t.throwsAsync(lab.run('explain h10 h20 tcp 80'), {code: 'disagreement', message: /fw: passes; the rule that decides agrees\n {2}s2: passes; its trace agrees\n {2}probe: blocked, the request left h10 and did not reach h20$/});
});

test.serial('both families, through routers that enforce nothing', async t => {
	const lab = await labOf(t, new Sketch(`
		h1 10.0.1.1/24,fd01::1/64 -- s1
		r1 10.0.1.254/24,fd01::fe/64 -- s1
		r1 10.0.2.254/24,fd02::fe/64 -- s2
		h2 10.0.2.2/24,fd02::2/64 -- s2
		h3 fd02::3/64 -- s2
	`));
	await lab.run('h2 bind web', 'secrule add allow fd01::/64 to web icmp', 'secrule add allow any to web sctp');
	t.is(await explained(lab, 'h1 fd02::2'), 's1 passes trace, s2 passes trace | allowed | Allowed by rule 1 (allow fd01::/64 to web icmp).');
	t.is(await explained(lab, 'fd01::1 h2 tcp 80'), 's1 drops trace, s2 beyond trace | blocked | Denied: no rule matches, and the destination is a host that is in a group.');
	t.is(await explained(lab, 'h1 h2 sctp 7'), 's1 passes trace, s2 passes trace | allowed | Allowed by rule 2 (allow any to web sctp).');
	t.is(await explained(lab, 'h1 h3 tcp 80'), 's1 passes trace, s2 passes trace | allowed | Allowed: no rule matches, and nothing guards the destination.');
	await t.throwsAsync(lab.run('explain 10.0.1.1 h3'), {code: 'no-way', message: '10.0.1.1 and h3 have no addresses of one family: no packet goes from one to the other.'});
});

test.serial('mistakes', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1'));
	await t.throwsAsync(lab.run('explain s1 h2'), {code: 'wrong-kind'});
	await t.throwsAsync(lab.run('explain h1 h3'), {code: 'unknown-node'});
	await t.throwsAsync(lab.run('explain h1 h2 tcp 80-90'), {code: 'port', message: 'A packet goes to one port.'});
	const slip = await t.throwsAsync<InputError>(lab.run('explain h1 h2 tcpp 80'), {code: 'syntax'});
	t.is(slip.details.nearest?.[0], 'tcp');
});

test.serial('a lost packet is no disagreement, and what never passes is one', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- r1 10.0.1.254/24\nh2 10.0.2.2/24 -- r1 10.0.2.254/24'));
	// As many as two probes send.
	await lab.node('r1').run`iptables -A FORWARD -p icmp -m limit --limit 1/hour --limit-burst 4 -j DROP`;
	t.is(await explained(lab, 'h1 h2'), ' | allowed | Allowed: no rule matches, and nothing guards the destination.');
	t.regex(await lab.node('r1').run`iptables -nvxL FORWARD`, /^ +4 .* DROP /m);
	await lab.node('r1').run`iptables -A FORWARD -p icmp -j DROP`;
	await t.throwsAsync(lab.run('explain h1 h2'), {code: 'disagreement', message: /probe: blocked/});
});

test.serial('a request that never leaves, or never arrives, has no answer that anybody could keep back', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('secrule add allow h10 to h20 tcp dport 80 stateless', 'secrule add allow h20 to h10 tcp dport 80 stateless', 'h10 ip link set h10-eth0 down');
	const [gone, late] = await lab.run('explain h10 h20 tcp 80', 'explain h20 h10 tcp 80');
	t.regex(gone?.text ?? '', /way: h10\n.*no further.*\nAllowed by rule 1.*\nBut the request never leaves h10\.$/s);
	t.regex(late?.text ?? '', /But the request never arrives\.$/);
	t.is((gone?.result as ExplainResult).answer, undefined);
});
