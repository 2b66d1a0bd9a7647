import test from 'ava';
import {type Evidence, isConclusive, judge, noEvidence} from '../../lib/probes/outcome.ts';

const judges = test.macro<[evidence: Partial<Evidence>, expected: string, reason?: RegExp]>({
	exec(t, evidence, expected, reason = /./) {
		const outcome = judge({...noEvidence(), ...evidence}, 'h1', 'h2');
		t.is([outcome.verdict, outcome.stopped, outcome.rejected].filter(Boolean).join(' '), expected);
		t.regex(outcome.reason, reason);
	},
	title: (_, evidence, expected) => `${JSON.stringify(evidence)} → ${expected}`,
});

const [left, arrived] = [{requestLeft: true}, {requestLeft: true, requestArrived: true}];

test(judges, {...arrived, answerLeft: true, answerArrived: true}, 'allowed');
test(judges, left, 'blocked request', /left h1 and did not reach h2/);
test(judges, {...left, refusal: 'reset'}, 'blocked request reset', /a firewall answered/);
test(judges, {...left, refusal: 'prohibited'}, 'blocked request prohibited');
test(judges, {...arrived, answerLeft: true}, 'blocked answer', /left h2 and did not reach h1/);
test(judges, {}, 'failed', /no packet left h1/);
test(judges, {trouble: 'ENETUNREACH'}, 'failed', /^ENETUNREACH$/);
test(judges, arrived, 'failed', /h2 got the request and sent no answer/);
test(judges, {...arrived, trouble: 'ENOBUFS'}, 'failed', /^ENOBUFS$/);
test(judges, {...arrived, closed: true}, 'failed', /nobody listens on h2/);
test(judges, {...arrived, closed: true, refusal: 'reset'}, 'allowed', /h2 answered that nobody listens/);
test(judges, {...left, refusal: 'unreachable'}, 'failed', /a router on the way/);

test('only an answer or a refusal ends the wait', t => {
	t.false(isConclusive({...noEvidence(), ...arrived, answerLeft: true}));
	t.true(isConclusive({...noEvidence(), answerArrived: true}));
	t.false(isConclusive({...noEvidence(), closed: true}));
	t.true(isConclusive({...noEvidence(), refusal: 'reset'}));
});
