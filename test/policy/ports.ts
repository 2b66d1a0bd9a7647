import test from 'ava';
import fc from 'fast-check';
import {portsText, readPorts, uniteRanges} from '../../lib/policy/ports.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {splitWords} from '../../lib/util/words.ts';
import {arbitraryPorts} from '../helpers/arbitrary-rule.ts';
import {refuses} from '../helpers/sentences.ts';

const kinds = ['port', 'first-last', 'name of a port'];

//             1234567890123456789012345678901234567890123456
test(refuses, 'secrule add allow any to any tcp dport', {code: 'syntax', column: 39, expected: ['{', ...kinds], says: /go on with \{, port, first-last or name of a port/});
test(refuses, 'secrule add allow any to any tcp dport 90-80', {code: 'port', column: 40, expected: kinds, nearest: ['80-90'], says: /"90-80" ends before it begins\. Write 80-90/});
test(refuses, 'secrule add allow any to any tcp dport 65536', {code: 'port', column: 40, says: /beyond the last port, 65535/});
test(refuses, 'secrule add allow any to any tcp dport 1-99999999999999999999', {code: 'port', column: 40, says: /beyond the last port/});
test(refuses, 'secrule add allow any to any tcp dport 80-', {code: 'unknown-port', column: 40, says: /no tcp port "80-"/});
test(refuses, 'secrule add allow any to any tcp dport httsp', {code: 'unknown-port', column: 40, nearest: ['http', 'https'], says: /no tcp port "httsp"\. Did you mean http or https\?.*\/etc\/services/});
test(refuses, 'secrule add allow any to any tcp dport ntp', {code: 'unknown-port', column: 40, nearest: ['ftp'], says: /no tcp port "ntp"/});
test(refuses, 'secrule add allow any to any tcp dport 80,443', {code: 'syntax', column: 42, says: /",443" stands where/});
test(refuses, 'secrule add allow any to any tcp dport {}', {code: 'unknown-port', column: 41, says: /"}"/});
test(refuses, 'secrule add allow any to any tcp dport {80,}', {code: 'unknown-port', column: 44, says: /"}"/});
test(refuses, 'secrule add allow any to any tcp dport {80', {code: 'syntax', column: 43, expected: [',', '}'], says: /go on with , or }/});
test(refuses, 'secrule add allow any to any tcp dport {80 443}', {code: 'syntax', column: 44, expected: [',', '}'], says: /"443" stands where , or } should/});
test(refuses, 'secrule add allow any to any tcp sport {80, 90-80}', {code: 'port', column: 45, nearest: ['80-90'], says: /ends before it begins/});

test('0 alone reads where packets go to, and is a doubt there', t => {
	for (const [text, ranges, columns] of [['0', [{first: 0, last: 0}], [1]], ['{0-1023, 0}', [{first: 0, last: 1023}], [10]], ['0-1023', [{first: 0, last: 1023}], []]] as const) {
		const [there, here] = [new Reader(splitWords(text), ''), new Reader(splitWords(text), '')];
		t.deepEqual(readPorts(there, 'tcp', undefined, 1), ranges);
		t.deepEqual(there.doubts.map(({code, message, details}) => [code, message, details.column]), columns.map(column => ['port', '"0" is no port. Give 1 to 65535.', column]));
		t.deepEqual(readPorts(here, 'tcp'), ranges);
		t.deepEqual(here.doubts, []);
	}
});

test('ranges that overlap or touch become one', t => {
	t.deepEqual(uniteRanges([{first: 90, last: 95}, {first: 80, last: 85}, {first: 86, last: 86}, {first: 92, last: 93}, {first: 65_535, last: 65_535}]), [{first: 80, last: 86}, {first: 90, last: 95}, {first: 65_535, last: 65_535}]);
});

test('united ranges hold what the ranges held', t => {
	const range = fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => ({first: Math.min(a, b), last: Math.max(a, b)}));
	const holds = (ranges: ReadonlyArray<{first: number; last: number}>, port: number) => ranges.some(({first, last}) => first <= port && port <= last);
	fc.assert(fc.property(fc.array(range), ranges => {
		const united = uniteRanges(ranges);
		for (let port = 0; port <= 31; port++) {
			t.is(holds(united, port), holds(ranges, port));
		}

		t.true(united.every(({first}, index) => index === 0 || first > (united[index - 1]?.last ?? 0) + 1));
	}));
});

test('the text of ports reads back', t => {
	fc.assert(fc.property(arbitraryPorts, ranges => {
		t.deepEqual(readPorts(new Reader(splitWords(portsText(ranges)), ''), 'tcp'), ranges);
	}));
});
