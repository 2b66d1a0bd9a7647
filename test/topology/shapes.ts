/** Shapes: how many nodes, their names, who is linked to whom. */
import test from 'ava';
import {check} from '../../lib/topology/check.ts';
import {type SwitchKind, shape, shapeForms} from '../../lib/topology/shapes.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {InputError} from '../../lib/util/errors.ts';

function made(text: string, switchKind: SwitchKind): Topology {
	const topology = shape(text, {switchKind});
	if (!topology) {
		throw new Error(`${text} names no shape`);
	}

	return topology;
}

const draws = test.macro({
	exec(t, text: string, nodes: string, links: string) {
		const graph = made(text, 'switch').describe();
		t.is(graph.nodes.map(node => node.name).join(' '), nodes);
		t.is(graph.links.map(({ends: [a, b]}) => `${a.node}-${b.node}`).join(' '), links);
	},
	title: (_, text: string) => text,
});

test(draws, 'minimal', 's1 h1 h2', 'h1-s1 h2-s1');
test(draws, 'single,1', 's1 h1', 'h1-s1');
test(draws, 'single,3', 's1 h1 h2 h3', 'h1-s1 h2-s1 h3-s1');
test(draws, 'linear,1', 's1 h1', 'h1-s1');
test(draws, 'linear,3', 's1 h1 s2 h2 s3 h3', 'h1-s1 h2-s2 s1-s2 h3-s3 s2-s3');
test(draws, 'linear,2,2', 's1 h1s1 h2s1 s2 h1s2 h2s2', 'h1s1-s1 h2s1-s1 h1s2-s2 h2s2-s2 s1-s2');
test(draws, 'tree,1,2', 's1 h1 h2', 's1-h1 s1-h2');
test(draws, 'tree,2,2', 's1 s2 h1 h2 s3 h3 h4', 's2-h1 s2-h2 s1-s2 s3-h3 s3-h4 s1-s3');

const counts = test.macro({
	exec(t, text: string, hosts: number, switches: number) {
		const {nodes, links} = check(made(text, 'bridge'));
		const kinds = [...nodes.values()].map(({kind}) => kind);
		t.is(kinds.filter(kind => kind === 'host').length, hosts);
		t.is(kinds.filter(kind => kind === 'bridge').length, switches);
		t.is(links.length, hosts + switches - 1);
	},
	title: (_, text: string, hosts: number, switches: number) => `${text} has ${hosts} hosts and ${switches} bridges and passes the check`,
});

test(counts, 'minimal', 2, 1);
test(counts, 'single,100', 100, 1);
test(counts, 'linear,100', 100, 100);
test(counts, 'linear,10,10', 100, 10);
test(counts, 'tree,4,4', 256, 85);
test(counts, 'tree,2,16', 256, 17);
test(counts, 'tree,2,32', 1024, 33);
test(counts, 'tree,1000,1', 1, 1000);

const refuses = test.macro({
	exec(t, text: string, message: RegExp) {
		t.throws(() => shape(text, {switchKind: 'switch'}), {instanceOf: InputError, code: 'shape', message});
	},
	title: (_, text: string) => `refuses ${text}`,
});

test(refuses, 'single', /does not fit the shape single,N: write whole numbers from 1/);
test(refuses, 'single,0', /single,N/);
test(refuses, 'single,-1', /single,N/);
test(refuses, 'single,1.5', /single,N/);
test(refuses, 'single,two', /single,N/);
test(refuses, 'single,2,3', /single,N/);
test(refuses, 'single, 2', /without spaces/);
test(refuses, 'linear', /linear,N\[,M\]/);
test(refuses, 'linear,2,', /linear,N\[,M\]/);
test(refuses, 'tree,2', /tree,DEPTH,FANOUT/);
test(refuses, 'minimal,2', /shape minimal/);
test(refuses, 'tree,10,10', /too large: 65536 nodes/);
test(refuses, 'tree,1001,1', /1000 levels/);
test(refuses, 'single,65536', /too large/);
test(refuses, 'linear,999999,999999', /too large/);

test('a word that names no shape may be a file', t => {
	for (const text of ['topologies/securenet.ts', 'single.ts', 'Single,2', '', 'constructor']) {
		t.is(shape(text, {switchKind: 'switch'}), undefined);
	}
});

test('lists its forms', t => {
	t.deepEqual(shapeForms, ['minimal', 'single,N', 'linear,N[,M]', 'tree,DEPTH,FANOUT']);
});
