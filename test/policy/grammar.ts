import test from 'ava';
import fc from 'fast-check';
import {parseRule, sentence} from '../../lib/policy/grammar.ts';
import type {Peer, RuleParts, Traffic} from '../../lib/policy/model.ts';
import {parsePrefix} from '../../lib/util/address.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';
import {arbitraryRule} from '../helpers/arbitrary-rule.ts';
import {names, offeredAfter, parse, refuses} from '../helpers/sentences.ts';

const any: Peer = {kind: 'any'};
const sg1: Peer = {kind: 'group', name: 'sg1'};
const sg2: Peer = {kind: 'group', name: 'sg2'};

const reads = test.macro({
	title: (_, text: string) => `reads: ${text}`,
	exec(t, text: string, rule: Omit<RuleParts, 'action'>, normal?: string) {
		const read = parse(`secrule add ${text}`);
		t.deepEqual(read, {action: text.startsWith('allow') ? 'allow' : text.startsWith('deny') ? 'deny' : 'reject', ...rule});
		t.is(sentence(read), normal ?? text);
	},
});

function prefix(text: string): Peer {
	return {kind: 'prefix', prefix: parsePrefix(text)};
}

test(reads, 'allow any to any', {from: any, to: any});
test(reads, 'allow sg1 to sg2', {from: sg1, to: sg2});
test(reads, 'deny sg1 to sg1', {from: sg1, to: sg1});
test(reads, 'reject sg1 to sg1', {from: sg1, to: sg1});
test(reads, 'deny office to h10', {from: {kind: 'ipg', name: 'office'}, to: {kind: 'node', name: 'h10'}});
test(reads, 'allow r1 to any', {from: {kind: 'node', name: 'r1'}, to: any});
test(reads, 'allow 10.0.0.1 to 10.0.0.0/8', {from: prefix('10.0.0.1'), to: prefix('10.0.0.0/8')});
test(reads, 'allow 10.0.0.1/32 to 0.0.0.0/0', {from: prefix('10.0.0.1'), to: prefix('0.0.0.0/0')}, 'allow 10.0.0.1 to 0.0.0.0/0');
test(reads, 'deny fd00::/64 to FD00:0::1', {from: prefix('fd00::/64'), to: prefix('fd00::1')}, 'deny fd00::/64 to fd00::1');
test(reads, 'allow ::/0 to ::', {from: prefix('::/0'), to: prefix('::')});
test(reads, 'allow "sg1" to \'sg1\'', {from: sg1, to: sg1}, 'allow sg1 to sg1');

const list: Peer = {kind: 'list', peers: [sg1, prefix('10.0.0.0/8')]};
test(reads, 'allow (sg1, 10.0.0.0/8) to any', {from: list, to: any});
test(reads, 'allow ( sg1 ,10.0.0.0/8 )to any', {from: list, to: any}, 'allow (sg1, 10.0.0.0/8) to any');
test(reads, 'allow ("sg1",10.0.0.0/8) to(any)', {from: list, to: {kind: 'list', peers: [any]}}, 'allow (sg1, 10.0.0.0/8) to (any)');
test(reads, 'allow not sg1 to not not any', {from: {kind: 'not', peer: sg1}, to: {kind: 'not', peer: {kind: 'not', peer: any}}});
test(reads, 'allow not(sg1,not sg2) to any', {from: {kind: 'not', peer: {kind: 'list', peers: [sg1, {kind: 'not', peer: sg2}]}}, to: any}, 'allow not (sg1, not sg2) to any');

const carries = test.macro({
	title: (_, clause: string) => `traffic: ${clause}`,
	exec(t, clause: string, traffic: Traffic, normal: string = clause) {
		const read = parse(`secrule add allow any to any ${clause}`);
		t.deepEqual(read, {action: 'allow', from: any, to: any, traffic});
		t.is(sentence(read), `allow any to any ${normal}`);
	},
});

const port80 = [{first: 80, last: 80}];
test(carries, 'tcp', {kind: 'ports', protocol: 'tcp'});
test(carries, 'tcp dport 80', {kind: 'ports', protocol: 'tcp', dport: port80});
test(carries, 'udp dport 80 sport 1024-65535', {kind: 'ports', protocol: 'udp', dport: port80, sport: [{first: 1024, last: 65_535}]}, 'udp sport 1024-65535 dport 80');
test(carries, 'sctp sport 80', {kind: 'ports', protocol: 'sctp', sport: port80});
test(carries, 'tcp dport {80,443,8000-8080}', {kind: 'ports', protocol: 'tcp', dport: [...port80, {first: 443, last: 443}, {first: 8000, last: 8080}]});
test(carries, 'tcp dport { http , 81 }', {kind: 'ports', protocol: 'tcp', dport: [{first: 80, last: 81}]}, 'tcp dport 80-81');
test(carries, 'icmp', {kind: 'icmp', protocol: 'icmp'});
test(carries, 'icmp type echo-request', {kind: 'icmp', protocol: 'icmp', type: 'echo-request'});
test(carries, 'icmp6 type packet-too-big', {kind: 'icmp', protocol: 'icmp6', type: 'packet-too-big'});
test(carries, 'proto 0', {kind: 'protocol', number: 0});
test(carries, 'proto 255', {kind: 'protocol', number: 255});
test(carries, 'service web', {kind: 'services', names: ['web']});
test(carries, 'service dns , web,dns', {kind: 'services', names: ['dns', 'web']}, 'service dns,web');

const says = test.macro({
	title: (_, clause: string) => `says: ${clause}`,
	exec(t, clause: string, said: Partial<RuleParts>, normal: string = clause) {
		const read = parse(`secrule add allow any to any ${clause}`);
		t.deepEqual(read, {action: 'allow', from: any, to: any, ...said});
		t.is(sentence(read), `allow any to any ${normal}`.trim());
	},
});

test(says, 'stateful', {stateful: true}, '');
test(says, 'stateless', {stateful: false});
test(says, 'prio 5', {prio: 5});
test(says, 'prio 1000', {prio: 1000}, '');
test(says, 'before 1', {place: {side: 'before', rule: 1}});
test(says, 'after first', {place: {side: 'after', rule: 2}}, 'after 2');
test(says, 'log', {log: {text: ''}});
test(says, 'log ""', {log: {text: ''}}, 'log');
test(says, 'log "it\'s \\"web\\" \\\\"', {log: {text: 'it\'s "web" \\'}});
test(says, 'rate 10/s burst 20', {rate: {perSecond: 10, burst: 20}});
test(says, 'rate 2/s', {rate: {perSecond: 2, burst: 5}}, 'rate 2/s burst 5');
test(says, 'rate 50/s', {rate: {perSecond: 50, burst: 50}}, 'rate 50/s burst 50');
test(says, 'name front', {name: 'front'});
test(says, 'comment "for (a, b)"', {comment: 'for (a, b)'});
test(says, 'comment why', {comment: 'why'}, 'comment "why"');
test(says, 'comment a,b', {comment: 'a,b'}, 'comment "a,b"');
test(says, 'name front prio 5 stateless log rate 9/s', {name: 'front', prio: 5, stateful: false, log: {text: ''}, rate: {perSecond: 9, burst: 9}}, 'stateless prio 5 rate 9/s burst 9 log name front');

test('where rules are stateless by default, a sentence says what it is', t => {
	t.is(sentence({action: 'allow', from: any, to: any, stateful: true}, false), 'allow any to any stateful');
	t.is(sentence({action: 'allow', from: any, to: any, stateful: false}, false), 'allow any to any stateless');
});

//             123456789012345678901234567890
test(refuses, 'secrule add', {code: 'syntax', column: 12, expected: ['allow', 'deny', 'reject'], says: /allow, deny or reject.*Write: allow\|deny\|reject PEER to PEER/});
test(refuses, 'secrule add alow sg1 to sg2', {code: 'syntax', column: 13, expected: ['allow', 'deny', 'reject'], nearest: ['allow'], says: /"alow" stands where allow, deny or reject should\. Did you mean allow\?/});
test(refuses, 'secrule add ALLOW sg1 to sg2', {code: 'syntax', column: 13, nearest: ['allow'], says: /Did you mean allow/});
test(refuses, 'secrule add "allow" sg1 to sg2', {code: 'syntax', column: 13, nearest: ['allow'], says: /"allow" stands where/});
test(refuses, 'secrule add allow sg1', {code: 'syntax', column: 22, expected: ['to'], says: /go on with to/});
test(refuses, 'secrule add allow "sg1"', {code: 'syntax', column: 24, expected: ['to'], says: /go on with to/});
test(refuses, 'secrule add allow sg1 ot sg2', {code: 'syntax', column: 23, expected: ['to'], nearest: [], says: /"ot" stands where to should/});
test(refuses, 'secrule add allow sg1 sg2', {code: 'syntax', column: 23, expected: ['to'], says: /"sg2" stands where to should/});
test(refuses, 'secrule add allow sg1,sg2 to any', {code: 'syntax', column: 22, expected: ['to'], says: /"," stands where to should\. Several peers stand in parentheses/});

test('a missing word with no word before it stands at the given column', t => {
	t.is(t.throws(() => parseRule([], names, 12), {instanceOf: InputError}).details.column, 12);
});

test('control characters and 10,000-character words do not reach the message', t => {
	t.regex(t.throws(() => parse('secrule add allow \u001B[31m to sg1')).message, /"\uFFFD\[31m"/);
	t.true(t.throws(() => parse(`secrule add allow ${'x'.repeat(10_000)} to sg1`)).message.length < 300);
});

const completes = test.macro({
	title: (_, text: string) => `after "${text}"`,
	exec(t, text: string, expected: readonly string[]) {
		t.deepEqual(offeredAfter(text), expected);
	},
});

const peers = ['any', 'not', '(', 'sg1', 'sg2', 'office', 'h1', 'h2', 'h10', 'r1'];
const traffic = ['tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'proto', 'service'];
const others = ['stateful', 'stateless', 'prio', 'before', 'after', 'log', 'rate', 'name', 'comment'];
test(completes, '', ['allow', 'deny', 'reject']);
test(completes, 'allow', peers);
test(completes, 'allow not', peers);
test(completes, 'allow (', peers);
test(completes, 'allow (sg1', [',', ')']);
test(completes, 'allow (sg1,', peers);
test(completes, 'allow sg1', ['to']);
test(completes, 'allow sg1 to', peers);
test(completes, 'allow sg1 to sg2', [...traffic, ...others]);
test(completes, 'deny sg1 to sg2', [...traffic, ...others.filter(word => word !== 'rate')]);
test(completes, 'allow sg1 to sg2 tcp', ['sport', 'dport', ...others]);
test(completes, 'allow sg1 to sg2 tcp sport 80', ['dport', ...others]);
test(completes, 'allow sg1 to sg2 tcp sport 80 dport 80', others);
test(completes, 'allow sg1 to sg2 tcp dport {80', [',', '}']);
test(completes, 'allow sg1 to sg2 icmp', ['type', ...others]);
test(completes, 'allow sg1 to sg2 proto', []);
test(completes, 'allow sg1 to sg2 service', ['dns', 'web']);
test(completes, 'allow sg1 to sg2 service web', [',', ...others]);
test(completes, 'allow sg1 to sg2 service web,', ['dns', 'web']);
test(completes, 'allow sg1 to sg2 stateless', [...traffic, ...others.filter(word => !word.startsWith('state'))]);
test(completes, 'allow sg1 to sg2 tcp prio 5', others.filter(word => !['prio', 'before', 'after'].includes(word)));
test(completes, 'allow sg1 to sg2 before', ['1', '2', 'first']);
test(completes, 'allow sg1 to sg2 tcp rate 5/s', ['burst', ...others.filter(word => word !== 'rate')]);
test(completes, 'allow sg1 to sg2 tcp log', others.filter(word => word !== 'log'));
test(completes, 'allow sg1 to sg2 name', []);
test(completes, 'permit', []);
test(completes, 'allow sg9', []);
test(completes, 'allow sg1 to sg2 tcp udp', []);

test('ports and ICMP types complete by their names', t => {
	t.true(offeredAfter('allow sg1 to sg2 tcp dport').includes('https'));
	t.false(offeredAfter('allow sg1 to sg2 tcp dport').includes('ntp'));
	t.true(offeredAfter('allow sg1 to sg2 icmp type').includes('fragmentation-needed'));
	t.false(offeredAfter('allow sg1 to sg2 icmp6 type').includes('fragmentation-needed'));
});

test('every sentence reads back to its rule', t => {
	fc.assert(fc.property(arbitraryRule, fc.boolean(), (rule, mode) => {
		const read = parseRule(splitWords(sentence(rule, mode)), names);
		t.deepEqual({traffic: {kind: 'any'}, stateful: mode, prio: 1000, ...read}, rule);
		t.is(sentence(read, mode), sentence(rule, mode));
	}), {numRuns: 3000});
});

const words = [
	'allow', 'deny', 'reject', 'to', 'any', 'sg1', '10.0.0.1', '::', '!', '/', '-', '"', '(', ')', ',', '{', '}', 'not', 'tcp', 'dport', 'sport', '80', '90-80', 'http', 'icmp', 'type', 'echo-request',
	'proto', 'service', 'web', 'stateless', 'prio', 'before', '1', 'log', 'rate', '5/s', 'burst', 'name', 'comment', '#', '\\', '\'', '\uD800', '\u0000', '9999999999', '0x10', '-1', '80-', 'constructor',
];

test('no line whatever throws anything but an InputError with a message, a column and what was expected', t => {
	const line = fc.array(fc.oneof({weight: 5, arbitrary: fc.constantFrom(...words)}, fc.string())).chain(texts => fc.constantFrom('', ' ').map(space => texts.join(space)));
	const sensible = fc.tuple(fc.constantFrom('allow any to any ', 'deny (sg1, h1) to not sg2 ', ''), line).map(parts => parts.join(''));
	fc.assert(fc.property(sensible, text => {
		try {
			parseRule(splitWords(text), names);
		} catch (error) {
			const column = error instanceof InputError ? error.details.column ?? 0 : 0;
			t.true(error instanceof InputError && error.message.length > 0 && error.message.length < 500 && column >= 1 && column <= text.length + 1 && (error.details.expected?.length ?? 0) > 0, JSON.stringify(text));
		}

		t.notThrows(() => {
			try {
				offeredAfter(text);
			} catch (error) {
				t.true(error instanceof InputError && error.code === 'quote');
			}
		});
	}), {numRuns: 10_000});
	t.pass();
});
