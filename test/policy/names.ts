import test from 'ava';
import {emptyPolicy} from '../../lib/policy/model.ts';
import {type Names, meaningOf, nameLimit, namesOf, refuseUnlessFree} from '../../lib/policy/names.ts';
import {InputError} from '../../lib/util/errors.ts';

const names: Names = namesOf(
	{
		...emptyPolicy('bound'),
		groups: new Map([['web', new Set<string>()]]),
		ipgs: new Map([['office', []]]),
		services: new Map([['dns', []]]),
		rules: [{id: 1, action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}, traffic: {kind: 'any'}, stateful: true, prio: 1000, name: 'front'}],
	},
	new Map([['h1', {kind: 'host'}], ['r1', {kind: 'router'}]]),
);

test('a name means one thing', t => {
	t.deepEqual(['web', 'office', 'h1', 'r1', 'dns', 'front', 'db', 'constructor'].map(name => meaningOf(names, name)), ['group', 'IPG', 'host', 'router', 'service', 'rule', undefined, undefined]);
});

const refuses = test.macro({
	title: (_, name: string) => `refuses "${name}"`,
	exec(t, name: string, code: string, says: RegExp) {
		t.is(t.throws(() => {
			refuseUnlessFree(names, 'IPG', name);
		}, {instanceOf: InputError, message: says}).code, code);
	},
});

test(refuses, '', 'name', /"" cannot name an IPG/);
test(refuses, '1st', 'name', /Use a letter, then/);
test(refuses, 'a b', 'name', /"a b"/);
test(refuses, 'a;reboot', 'name', /"a;reboot"/);
test(refuses, 'x'.repeat(nameLimit + 1), 'name', /at most 63/);
test(refuses, 'any', 'reserved-name', /word of the prompt/);
test(refuses, 'PINGALL', 'reserved-name', /word of the prompt/);
test(refuses, 'web', 'name-taken', /already names a group/);
test(refuses, 'office', 'name-taken', /already names an IPG/);
test(refuses, 'h1', 'name-taken', /already names a host/);

test(refuses, 'dns', 'name-taken', /already names a service; nodes, groups, IPGs, services and rules share/);
test(refuses, 'front', 'name-taken', /already names a rule/);

test('a free name passes', t => {
	t.notThrows(() => {
		refuseUnlessFree(names, 'group', 'x'.repeat(nameLimit));
	});
});
