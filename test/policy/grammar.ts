import test from 'ava';
import fc from 'fast-check';
import {type RuleParts, completePeer, completeRule, parseRule, sentence} from '../../lib/policy/grammar.ts';
import type {Peer} from '../../lib/policy/model.ts';
import type {Names} from '../../lib/policy/names.ts';
import {fromBytes, networkOf, parsePrefix} from '../../lib/util/address.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';

const names: Names = {
	nodes: new Map([['h1', {kind: 'host'}], ['h2', {kind: 'host'}], ['h10', {kind: 'host'}], ['r1', {kind: 'router'}], ['s1', {kind: 'switch'}], ['b1', {kind: 'bridge'}]]),
	groups: new Map([['sg2', new Set<string>()], ['sg1', new Set(['h1'])]]),
	ipgs: new Map([['office', []]]),
};

/** Reads a whole line, so that columns are those of the prompt. */
function parse(line: string): RuleParts {
	return parseRule(splitWords(line).slice(2), names, line.length + 1);
}

const reads = test.macro({
	title: (_, text: string) => `reads: ${text}`,
	exec(t, text: string, from: Peer, to: Peer, normal?: string) {
		const rule = parse(`secrule add ${text}`);
		t.deepEqual(rule, {action: text.startsWith('allow') ? 'allow' : 'deny', from, to});
		t.is(sentence(rule), normal ?? text);
	},
});

const any: Peer = {kind: 'any'};
const sg1: Peer = {kind: 'group', name: 'sg1'};

function prefix(text: string): Peer {
	return {kind: 'prefix', prefix: parsePrefix(text)};
}

test(reads, 'allow any to any', any, any);
test(reads, 'allow sg1 to sg2', sg1, {kind: 'group', name: 'sg2'});
test(reads, 'deny sg1 to sg1', sg1, sg1);
test(reads, 'deny office to h10', {kind: 'ipg', name: 'office'}, {kind: 'node', name: 'h10'});
test(reads, 'allow r1 to any', {kind: 'node', name: 'r1'}, any);
test(reads, 'allow 10.0.0.1 to 10.0.0.0/8', prefix('10.0.0.1'), prefix('10.0.0.0/8'));
test(reads, 'allow 10.0.0.1/32 to 0.0.0.0/0', prefix('10.0.0.1'), prefix('0.0.0.0/0'), 'allow 10.0.0.1 to 0.0.0.0/0');
test(reads, 'deny fd00::/64 to FD00:0::1', prefix('fd00::/64'), prefix('fd00::1'), 'deny fd00::/64 to fd00::1');
test(reads, 'allow ::/0 to ::', prefix('::/0'), prefix('::'));
test(reads, 'allow "sg1" to \'sg1\'', sg1, sg1, 'allow sg1 to sg1');

type Mistake = {readonly code: string; readonly column: number; readonly expected: readonly string[]; readonly nearest?: readonly string[]; readonly says: RegExp};
const peers = ['any', 'group', 'IPG', 'node', 'address', 'prefix'];

const refuses = test.macro({
	title: (_, line: string) => `refuses: ${line}`,
	exec(t, line: string, {code, column, expected, nearest = [], says}: Mistake) {
		const error = t.throws(() => parse(line), {instanceOf: InputError, message: says});
		t.deepEqual([error.code, error.details], [code, {column, expected, nearest}]);
	},
});

//             123456789012345678901234567890
test(refuses, 'secrule add', {code: 'syntax', column: 12, expected: ['allow', 'deny'], says: /allow or deny.*Write: allow\|deny PEER to PEER/});
test(refuses, 'secrule add alow sg1 to sg2', {code: 'syntax', column: 13, expected: ['allow', 'deny'], nearest: ['allow'], says: /"alow" stands where allow or deny should\. Did you mean allow\?/});
test(refuses, 'secrule add ALLOW sg1 to sg2', {code: 'syntax', column: 13, expected: ['allow', 'deny'], nearest: ['allow'], says: /Did you mean allow/});
test(refuses, 'secrule add "allow" sg1 to sg2', {code: 'syntax', column: 13, expected: ['allow', 'deny'], nearest: ['allow'], says: /"allow" stands where/});
test(refuses, 'secrule add allow', {code: 'syntax', column: 18, expected: peers, says: /any, group, IPG, node, address or prefix/});
test(refuses, 'secrule add allow sg1', {code: 'syntax', column: 22, expected: ['to'], says: /go on with to/});
test(refuses, 'secrule add allow sg1 ot sg2', {code: 'syntax', column: 23, expected: ['to'], says: /"ot" stands where to should/});
test(refuses, 'secrule add allow sg1 sg2', {code: 'syntax', column: 23, expected: ['to'], says: /"sg2" stands where to should/});
test(refuses, 'secrule add allow sg1 to', {code: 'syntax', column: 25, expected: peers, says: /should go on with/});
test(refuses, 'secrule add allow sg1 to sg2 tcp', {code: 'syntax', column: 30, expected: ['end of line'], says: /"tcp" is a word too many/});
test(refuses, 'secrule add allow sg3 to sg2', {code: 'unknown-peer', column: 19, expected: peers, nearest: ['sg1', 'sg2'], says: /no group, IPG or node "sg3"\. Did you mean sg1 or sg2\?.*NODE bind GROUP/});
test(refuses, 'secrule add allow sg1 to ofice', {code: 'unknown-peer', column: 26, expected: peers, nearest: ['office'], says: /"ofice"/});
test(refuses, 'secrule add allow to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /"to"/});
test(refuses, 'secrule add allow "any" to sg2', {code: 'unknown-peer', column: 19, expected: peers, nearest: ['any'], says: /"any"/});
test(refuses, 'secrule add allow constructor to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /"constructor"/});
test(refuses, 'secrule add allow s1 to sg2', {code: 'peer', column: 19, expected: peers, says: /^s1 has no address/});
test(refuses, 'secrule add allow b1 to sg2', {code: 'peer', column: 19, expected: peers, says: /^b1 has no address/});
test(refuses, 'secrule add allow 10.0.0.1/8 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], nearest: ['10.0.0.0/8'], says: /Its network is 10\.0\.0\.0\/8/});
test(refuses, 'secrule add allow 10.0.0 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /"10\.0\.0" is not an address or a prefix/});
test(refuses, 'secrule add allow 10.0.0.256 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /10\.0\.0\.256/});
test(refuses, 'secrule add allow 10.0.0.0/33 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /is not an address or a prefix/});
test(refuses, 'secrule add allow fe80::1%eth0 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /%eth0/});
test(refuses, 'secrule add allow 10.0.0.1-10.0.0.9 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /ranges and exclusions belong in an IPG/});
test(refuses, 'secrule add allow !10.0.0.1 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /belong in an IPG/});
test(refuses, 'secrule add allow $(reboot) to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /\$\(reboot\)/});
test(refuses, 'secrule add allow "" to sg2', {code: 'unknown-peer', column: 19, expected: peers, nearest: [], says: /node ""/});

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
		t.deepEqual(completeRule(splitWords(text), names), expected);
	},
});

const everyPeer = ['any', 'sg1', 'sg2', 'office', 'h1', 'h2', 'h10', 'r1'];
test(completes, '', ['allow', 'deny']);
test(completes, 'allow', everyPeer);
test(completes, 'allow sg1', ['to']);
test(completes, 'allow sg1 to', everyPeer);
test(completes, 'allow sg1 to sg2', []);
test(completes, 'permit', []);
test(completes, 'allow sg9', []);

test('peers complete in natural order', t => {
	t.deepEqual(completePeer(names), everyPeer);
});

const arbitraryPrefix: fc.Arbitrary<Peer> = fc.oneof(fc.uint8Array({minLength: 4, maxLength: 4}), fc.uint8Array({minLength: 16, maxLength: 16}))
	.chain(bytes => fc.nat(bytes.length * 8).map(length => ({kind: 'prefix' as const, prefix: networkOf({address: fromBytes(bytes), length})})));
const arbitraryPeer: fc.Arbitrary<Peer> = fc.oneof(
	fc.constantFrom<Peer>(any, sg1, {kind: 'ipg', name: 'office'}, {kind: 'node', name: 'h1'}, {kind: 'node', name: 'r1'}),
	arbitraryPrefix,
);

test('every sentence reads back to its rule', t => {
	fc.assert(fc.property(fc.constantFrom('allow' as const, 'deny' as const), arbitraryPeer, arbitraryPeer, (action, from, to) => {
		t.deepEqual(parseRule(splitWords(sentence({action, from, to})), names), {action, from, to});
	}), {numRuns: 1000});
});

test('no words whatever throw anything but an InputError with a column', t => {
	const word = fc.oneof(fc.string(), fc.constantFrom('allow', 'deny', 'to', 'any', 'sg1', '10.0.0.1', '::', '!', '/', '-', '"'));
	fc.assert(fc.property(fc.array(word), texts => {
		const words = texts.map((text, index) => ({text, column: index * 10 + 1, quoted: false}));
		try {
			parseRule(words, names);
		} catch (error) {
			t.true(error instanceof InputError && error.details.column !== undefined && (error.details.expected?.length ?? 0) > 0);
		}

		t.true(Array.isArray(completeRule(words, names)));
	}), {numRuns: 1000});
	t.pass();
});
