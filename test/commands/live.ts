/** How `add host|router|link|tunnel` and `del` read, where they find fault, and what Tab offers. */
import test from 'ava';
import {endOf, findCommand, nextWords} from '../../lib/commands/find.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';
import {scene} from '../helpers/scene.ts';

function read(line: string): unknown {
	const all = splitWords(line);
	const {command, words} = findCommand(all, scene);
	return command.read(new Reader(words, command.usage, endOf(all.at(-1))), scene);
}

const reads = test.macro({
	title: (_, line: string) => `reads "${line}"`,
	exec(t, line: string, input: unknown) {
		t.deepEqual(read(line), input);
	},
});

test(reads, 'add host h9', {name: 'h9', to: undefined, ip: []});
test(reads, 'add host h9 s1', {name: 'h9', to: 's1', ip: []});
test(reads, 'add host h9 s1 ip 10.0.10.9/24 ip fd00::9/64', {name: 'h9', to: 's1', ip: ['10.0.10.9/24', 'fd00::9/64']});
test(reads, 'add host h9 ip 10.0.10.9/24 s1', {name: 'h9', to: 's1', ip: ['10.0.10.9/24']});
test(reads, 'add router r9 s1 ip 10.0.10.253/24', {name: 'r9', to: 's1', ip: ['10.0.10.253/24']});
test(reads, 'add link h10 ip 10.9.0.1/24 fw ip 10.9.0.2/24 delay 5ms', {ends: [{node: 'h10', options: {ip: ['10.9.0.1/24']}}, {node: 'fw', options: {ip: ['10.9.0.2/24']}}], options: {delay: '5ms'}});
test(reads, 'add link h10 s2', {ends: [{node: 'h10', options: {}}, {node: 's2', options: {}}], options: {}});
test(reads, 'add tunnel h10 h20 via gre', {ends: [{node: 'h10', options: {}}, {node: 'h20', options: {}}], options: {via: 'gre'}});
test(reads, 'add tunnel h10 h20 via gre key 7 layer2 ip 10.9.0.1/30 10.9.0.2/30', {ends: [{node: 'h10', options: {ip: '10.9.0.1/30'}}, {node: 'h20', options: {ip: '10.9.0.2/30'}}], options: {via: 'gre', key: 7, mode: 'layer2'}});
test(reads, 'add tunnel h10 fw via vxlan endpoint 10.0.10.10 10.0.10.254 vni 5', {ends: [{node: 'h10', options: {endpoint: '10.0.10.10'}}, {node: 'fw', options: {endpoint: '10.0.10.254'}}], options: {via: 'vxlan', vni: 5}});
test(reads, 'add tunnel h10 h20 via ssh', {ends: [{node: 'h10', options: {}}, {node: 'h20', options: {}}], options: {via: 'ssh'}});
test(reads, 'del h10', {node: 'h10', force: false});
test(reads, 'del h10 --force', {node: 'h10', force: true});
test(reads, 'add router r9 s1 ip 10.0.10.253/24 bgp 65000', {name: 'r9', to: 's1', ip: ['10.0.10.253/24'], as: 65_000});
test(reads, 'del link h10 s1', {a: 'h10', b: 's1'});

const refuses = test.macro({
	title: (_, line: string) => `refuses "${line}"`,
	exec(t, line: string, column: number, message: RegExp, code: string) {
		const error = t.throws(() => read(line), {instanceOf: InputError, message, code});
		t.is(error.details.column, column);
	},
});

test(refuses, 'add', 4, /go on with host, router, link or tunnel/, 'syntax');
test(refuses, 'add switch s9', 5, /stands where host, router, link or tunnel should/, 'syntax');
test(refuses, 'add host', 9, /go on with new name/, 'syntax');
test(refuses, 'add host h10', 10, /"h10" already names a host/, 'name-taken');
test(refuses, 'add host web s1', 10, /"web" already names a group/, 'name-taken');
test(refuses, 'add host link', 10, /is a word of the prompt and cannot name a host/, 'reserved-name');
test(refuses, 'add host h9 s9', 13, /There is no node "s9"/, 'unknown-node');
test(refuses, 'add host h9 s1 ip 10.0.10.9', 19, /no address with a prefix length/, 'address');
test(refuses, 'add host h9 s1 s2', 16, /is a word too many/, 'syntax');
test(refuses, 'add router r9 ip 10.9.0.1/24', 18, /^A router has its addresses on its links/, 'syntax');
test(refuses, 'add router r9 s1 bgp', 21, /go on with number of its autonomous system/, 'syntax');
test(refuses, 'add router r9 s1 bgp 0', 22, /is no number of an autonomous system/, 'syntax');
test(refuses, 'add link h10', 13, /go on with/, 'syntax');
test(refuses, 'add link h10 s2 delay 5', 23, /^delay "5" cannot be read/, 'shaping');
test(refuses, 'add tunnel h10 s1 via gre', 16, /s1 is a switch; a host or router belongs here/, 'wrong-kind');
test(refuses, 'add tunnel h10 h10 via gre', 16, /^A tunnel has two ends/, 'same-node');
test(refuses, 'add tunnel h10 h20 gre', 20, /stands where via should/, 'syntax');
test(refuses, 'add tunnel h10 h20 via gree', 24, /Did you mean gre\?/, 'syntax');
test(refuses, 'add tunnel h10 h20 via gre vni 5', 28, /Only vxlan takes vni/, 'syntax');
test(refuses, 'add tunnel h10 h20 via vxlan vni 16777216', 34, /is no vni\. Give 0 to 16777215/, 'number');
test(refuses, 'add tunnel h10 h20 via ssh ip 10.9.0.1/30', 42, /go on with address with its prefix length/, 'syntax');
test(refuses, 'add tunnel h10 h20 via ssh ip 10.9.0.1 10.9.0.2', 31, /no address with its prefix length/, 'address');
test(refuses, 'add tunnel h10 h20 via ssh endpoint 10.9.0.1 x', 46, /"x" is no address/, 'address');
test(refuses, 'del', 4, /go on with link or host or router/, 'syntax');
test(refuses, 'del s1', 5, /s1 is a switch; a host or router belongs here/, 'wrong-kind');
test(refuses, 'del link h10 h10', 14, /^A link has two ends/, 'same-node');

const offers = test.macro({
	title: (_, line: string) => `after "${line}"`,
	exec(t, line: string, words: readonly string[]) {
		t.deepEqual([...nextWords(splitWords(line), scene)], [...words]);
	},
});

const nodes = ['fw', 'h10', 'h11', 'h20', 'h21', 'h30', 'h31', 's1', 's2', 's3'];
const shaping = ['rate', 'delay', 'jitter', 'loss', 'queue'];
test(offers, 'add', ['host', 'router', 'link', 'tunnel']);
test(offers, 'add host', []);
test(offers, 'add host h9', ['ip', ...nodes]);
test(offers, 'add host h9 s1', ['ip']);
test(offers, 'add link h10', ['ip', ...nodes]);
test(offers, 'add link h10 s2', ['ip', ...shaping]);
test(offers, 'add link h10 s2 delay 5ms', shaping.filter(word => word !== 'delay'));
test(offers, 'del', ['link', 'fw', 'h10', 'h11', 'h20', 'h21', 'h30', 'h31']);
test(offers, 'del link h10', nodes.filter(name => name !== 'h10'));
test(offers, 'add tunnel', ['fw', 'h10', 'h11', 'h20', 'h21', 'h30', 'h31']);
test(offers, 'add tunnel h10', ['fw', 'h11', 'h20', 'h21', 'h30', 'h31']);
test(offers, 'add tunnel h10 h20', ['via']);
test(offers, 'add tunnel h10 h20 via', ['gre', 'vxlan', 'ssh']);
test(offers, 'add tunnel h10 h20 via gre', ['layer2', 'key', 'ip', 'endpoint']);
test(offers, 'add tunnel h10 h20 via vxlan', ['vni', 'ip', 'endpoint']);
test(offers, 'add tunnel h10 h20 via ssh layer2', ['ip', 'endpoint']);
