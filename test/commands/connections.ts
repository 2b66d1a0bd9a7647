/** `connections` on an Open vSwitch: what it tracks, the rule or default behind each, and what is refused. */
import test from 'ava';
import {type ConnectionsResult, type Lab, Topology} from '../../lib/index.ts';
import {labOf, openStream} from '../helpers/scenario.ts';

class Guarded extends Topology {
	override readonly policy = ['h2 bind web', 'secrule add allow h1 to web tcp dport 5000'];

	override build(): void {
		const s1 = this.addSwitch('s1');
		this.addLink(this.addHost('h1'), s1);
		this.addLink(this.addHost('h2'), s1);
		this.addLink(this.addHost('h3'), s1);
	}
}

async function listed(lab: Lab, line: string): Promise<ConnectionsResult> {
	const [answer] = await lab.run(line);
	return answer?.result as ConnectionsResult;
}

test('a switch tells its connections, the rule or the default that allows each, and their states', async t => {
	const lab = await labOf(t, new Guarded());
	t.deepEqual(await listed(lab, 'connections'), [{device: 's1', connections: []}]);
	await openStream(t, lab, 'tcp', 'h1', 'h2');
	await openStream(t, lab, 'tcp', 'h1', 'h3', 5001);
	const [{connections} = {connections: []}] = await listed(lab, 'connections s1');
	t.like(connections.find(({dport}) => dport === 5000), {protocol: 'tcp', source: '10.0.0.1', destination: '10.0.0.2', state: 'ESTABLISHED', rule: 1, sentence: 'allow h1 to web tcp dport 5000'});
	const open = connections.find(({dport}) => dport === 5001);
	t.like(open, {protocol: 'tcp', destination: '10.0.0.3', state: 'ESTABLISHED', sentence: 'default'});
	t.is(open?.rule, undefined);
});

test('a connection that runs on although the policy no longer allows it says so', async t => {
	const lab = await labOf(t, new Guarded());
	await openStream(t, lab, 'tcp', 'h1', 'h2');
	await lab.run('secrule revoke keep', 'secrule del 1');
	const [{connections} = {connections: []}] = await listed(lab, 'connections');
	t.deepEqual(connections.map(({dport, sentence}) => [dport, sentence]), [[5000, 'no longer allowed; it runs on']]);
});

test('a node that enforces nothing, and watching where nobody looks, are refused', async t => {
	const lab = await labOf(t, new Guarded());
	for (const [line, code] of [['connections h1', 'wrong-kind'], ['connections s2', 'unknown-node'], ['connections --watch', 'watch']] as const) {
		const [answer] = await lab.run(`-${line}`);
		t.is(answer?.error?.code, code, line);
	}
});
