import test from 'ava';
import {readTap} from '../../scripts/vm/tap.ts';

const report = `TAP version 13
ok 1 - kernel › namespace › inside comes home
not ok 2 - node › configure › a host has its address
  ---
    name: AssertionError
    message: ''
    values: |-
      '10.0.0.1'
  ...
ok 3 - the only file › ends at once # SKIP
---tty-stream-chunk-separator
# a line of a program
not ok 4 - test/node/lost.ts exited due to a signal

1..4
# tests 4
`;

test('a case for each result, under its file, with what AVA says of a failure', t => {
	t.deepEqual(readTap(report).map(({name, title, status, reason, failures: [failure]}) => [name, title, status, reason ?? failure?.observed]), [
		['kernel/namespace', 'inside comes home', 'pass', undefined],
		['node/configure', 'a host has its address', 'fail', `name: AssertionError\nmessage: ''\nvalues: |-\n  '10.0.0.1'`],
		['the only file', 'ends at once', 'not supported', 'skip'],
		['', 'test/node/lost.ts exited due to a signal', 'fail', ''],
	]);
});

test('a report that breaks off has the cases before that', t => {
	t.deepEqual(readTap('TAP version 13\nok 1 - first\nnot ok 2 - second\n  ---\n    name: Err').map(({title, status}) => [title, status]), [['first', 'pass'], ['second', 'fail']]);
	t.deepEqual(readTap(''), []);
});
