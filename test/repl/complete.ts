import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {complete} from '../../lib/repl/complete.ts';
import {scene} from '../helpers/scene.ts';

const completes = test.macro({
	title: (_, line: string) => `"${line}" and Tab`,
	exec(t, line: string, hits: string[], begun = /\S*$/.exec(line)?.[0] ?? '') {
		t.deepEqual(complete(scene, line), [hits, begun]);
	},
});

test(completes, 'nod', ['nodes ']);
test(completes, 'ping', ['pingall', 'pingpair']);
test(completes, 'h1', ['h10', 'h11']);
test(completes, 'h10 ', ['set', 'route', 'neighbor', 'rule', 'join', 'leave', 'bind', 'unbind']);
test(completes, 'h10 b', ['bind ']);
test(completes, 'h10 bind w', ['web ']);
test(completes, 'h10 ping h2', ['h20', 'h21']);
test(completes, 'secrule add allow web t', ['to ']);
test(completes, 'secrule add allow web to ', ['any', 'not', '(', 'db', 'web', 'office', 'fw', 'h10', 'h11', 'h20', 'h21', 'h30', 'h31']);
test(completes, 'secrule add allow (we', ['web '], 'we');
test(completes, 'secrule add allow (web,of', ['office '], 'of');
test(completes, 'secrule add allow (web', ['web '], 'web');
test(completes, 'secrule add allow web to db tcp dport {http-a', ['http-alt '], 'http-a');
test(completes, 'secrule add allow web to db com', ['comment ']);
test(completes, 'secrule add allow web to db icmp6 type packet', ['packet-too-big ']);
test(completes, 'secrule add allow web to db service ', []);
test(completes, 'mode statel', ['stateless ']);
test(completes, 'secrule i', ['ipg ']);
test(completes, 'ipg show o', ['office ']);
test(completes, '-sghosts d', ['db ']);
test(completes, 'time time secrule de', ['del ']);
test(completes, '  link h10 s1 d', ['down ']);
test(completes, 'frobnicate x', []);
test(completes, 'sghosts "w', []);
test(completes, 'nodes ', []);
test(completes, '', [...new Set(complete(scene, '')[0])]);

test('source completes paths', t => {
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	writeFileSync(join(directory, 'lines-1'), '');
	writeFileSync(join(directory, 'lines-2'), '');
	mkdirSync(join(directory, 'more'));
	t.deepEqual(complete(scene, `source ${directory}/li`)[0], [`${directory}/lines-1`, `${directory}/lines-2`]);
	t.deepEqual(complete(scene, `source ${directory}/lines-2`)[0], [`${directory}/lines-2 `]);
	t.deepEqual(complete(scene, `source ${directory}/m`)[0], [`${directory}/more/`]);
	t.deepEqual(complete(scene, `source ${directory}/nowhere/x`)[0], []);
	t.deepEqual(complete(scene, `secrule load ${directory}/lines-2`)[0], [`${directory}/lines-2 `]);
	t.deepEqual(complete(scene, `secrule save ${directory}/m`)[0], [`${directory}/more/`]);
	t.deepEqual(complete(scene, 'source package.j')[0], ['package.json ']);
});
