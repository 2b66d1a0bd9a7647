/** The result of the contract as text and as JUnit XML. */
import test from 'ava';
import {cases} from '../../lib/contract/cases/index.ts';
import {observedWords, parseExpectation} from '../../lib/contract/expectation.ts';
import {junitXml} from '../../lib/contract/junit.ts';
import {reportText} from '../../lib/contract/report.ts';
import type {SuiteResult} from '../../lib/contract/suite.ts';

const result: SuiteResult = {
	driver: 'mine.ts', kind: 'switch', ok: false, ms: 1234,
	cases: [
		{name: 'F1', title: 'default port', status: 'pass', checks: 3, failures: [], ms: 400},
		{name: 'F2', title: 'a host cannot be a "server"', status: 'not supported', reason: 's1: no <ports> & no', checks: 0, failures: [], ms: 100},
		{
			name: 'F3', title: 'ICMP', status: 'fail', checks: 2, ms: 734, failures: [
				{what: 'h1 > h2', expected: 'blocked', observed: 'allowed', evidence: {lines: ['h1 bind g1'], rules: ['1  allow g1 to g2'], installed: ['3  drop\u0007']}},
				{what: 'h2 > h1', expected: 'blocked', observed: 'failed: h2 is "away"'},
			],
		},
	],
};

test('the table, then each failure with what was in force', t => {
	t.is(reportText(result), [
		'case  what                         result',
		'F1    default port                 pass',
		'F2    a host cannot be a "server"  not supported: s1: no <ports> & no',
		'F3    ICMP                         FAIL',
		'',
		'F3 ICMP',
		'  h1 > h2',
		'    expected: blocked',
		'    observed: allowed',
		'  h2 > h1',
		'    expected: blocked',
		'    observed: failed: h2 is "away"',
		'  lines at that moment:',
		'    h1 bind g1',
		'  rules at that moment:',
		'    1  allow g1 to g2',
		'  installed at that moment:',
		'    3  drop\u0007',
		'',
		'mine.ts: 1 passed, 1 failed, 1 not supported, in 1.2 s',
	].join('\n'));
});

test('JUnit XML, escaped', t => {
	t.is(junitXml(result), [
		'<?xml version="1.0" encoding="UTF-8"?>',
		'<testsuite name="securenet driver mine.ts" tests="3" failures="1" errors="0" skipped="1" time="1.234">',
		'\t<testcase classname="mine.ts" name="F1 default port" time="0.400"/>',
		'\t<testcase classname="mine.ts" name="F2 a host cannot be a &quot;server&quot;" time="0.100">',
		'\t\t<skipped message="s1: no &lt;ports&gt; &amp; no"/>',
		'\t</testcase>',
		'\t<testcase classname="mine.ts" name="F3 ICMP" time="0.734">',
		'\t\t<failure message="h1 &gt; h2: expected blocked, observed allowed">  h1 &gt; h2',
		'    expected: blocked',
		'    observed: allowed',
		'  h2 &gt; h1',
		'    expected: blocked',
		'    observed: failed: h2 is &quot;away&quot;',
		'  lines at that moment:',
		'    h1 bind g1',
		'  rules at that moment:',
		'    1  allow g1 to g2',
		'  installed at that moment:',
		'    3  drop\uFFFD</failure>',
		'\t</testcase>',
		'</testsuite>',
		'',
	].join('\n'));
});

test('expectations are read, and what is none is refused', t => {
	t.deepEqual(parseExpectation('+ h1 > h2 tcp 80 sport 42'), {text: 'h1 > h2 tcp 80 sport 42', sign: '+', probe: {from: 'h1', to: 'h2', tcp: 80, sport: 42}});
	t.deepEqual(parseExpectation('~ h1 > h2'), {text: 'h1 > h2', sign: '~', probe: {from: 'h1', to: 'h2'}});
	for (const text of ['h1 > h2', '+ h1 h2', '+ h1 > h2 gre 1', '+ h1 > h2 tcp']) {
		t.throws(() => parseExpectation(text), {instanceOf: TypeError});
	}
});

test('a failure is no verdict', t => {
	t.deepEqual([
		observedWords({verdict: 'allowed', reason: ''}), observedWords({verdict: 'blocked', stopped: 'request', reason: ''}),
		observedWords({verdict: 'blocked', stopped: 'answer', reason: ''}), observedWords({verdict: 'failed', reason: 'no route'}),
	], ['allowed', 'blocked', 'answer blocked', 'failed: no route']);
});

test('every case has a name and a title of its own', t => {
	t.is(new Set(cases.map(({name}) => name)).size, cases.length);
	t.is(new Set(cases.map(({title}) => title)).size, cases.length);
	t.true(cases.every(({name}) => /^[FSM]\d+$/.test(name)));
});
