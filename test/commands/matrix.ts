/** `matrix`: what the policy expects of each pair beside what real packets experience. */
import test from 'ava';
import {type MatrixResult, shape} from '../../lib/index.ts';
import SecureNet from '../../topologies/securenet.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {labOf} from '../helpers/scenario.ts';

test.serial('all pairs, as the policy says', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h20 bind db', 'secrule add allow (h10, h20) to db tcp dport 80', 'secrule add allow h30 to db tcp stateless');
	const [matrix] = await lab.run('matrix tcp 80');
	t.true(matrix?.ok);
	t.is(matrix?.text, `
    h10 h11 h20 h21 h30 h31
h10 -   .   .   x   x   x
h11 .   -   x   x   x   x
h20 x   x   -   .   x   x
h21 x   x   x   -   x   x
h30 x   x   x   x   -   .
h31 x   x   x   x   .   -
. allowed   x blocked   ! not as the policy says   ? no way between them
tcp 80: 30 pairs, 6 allowed, 24 blocked, all as the policy says`.slice(1));
	const {service, pairs} = matrix?.result as MatrixResult;
	t.is(service, 'tcp 80');
	t.is(pairs.length, 30);
	t.deepEqual(pairs[1], {from: 'h10', to: 'h20', expected: 'allowed', observed: 'allowed'});
});

test.serial('a pair that is not as the policy says is told, and the line fails', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1\nh3 fd00::3/64 -- s1'));
	await lab.node('s1').run`ovs-ofctl -O OpenFlow14 add-flow s1 ${'table=8,priority=65535,udp,tp_dst=53,nw_src=10.0.0.1,actions=drop'}`;
	const [matrix] = await lab.run('-matrix udp domain');
	t.false(matrix?.ok);
	t.is(matrix?.text, `
   h1 h2 h3
h1 -  !  ?
h2 .  -  ?
h3 ?  ?  -
. allowed   x blocked   ! not as the policy says   ? no way between them
h1 -> h2: allowed by the policy, blocked in fact (the request left h1 and did not reach h2)
udp 53: 6 pairs, 1 allowed, 1 blocked, 1 not as the policy says`.slice(1));
});

test.serial('870 pairs of 30 hosts in a moment', async t => {
	const topology = shape('single,30', {switchKind: 'switch'});
	const lab = await labOf(t, topology ?? new SecureNet());
	await lab.run('h1 bind web', 'h2 bind web', 'secrule add allow h3 to web tcp');
	const [matrix] = await lab.run('matrix tcp 80');
	t.true(matrix?.ok);
	t.is((matrix?.result as MatrixResult).pairs.length, 870);
	t.log(`${Math.round(matrix?.ms ?? 0)} ms`);
});
