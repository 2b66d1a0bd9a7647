/** Parameters from the command line. */
import test from 'ava';
import {type ParameterSpecs, type ParameterValue, parameterUsage, parseParameters} from '../../lib/topology/parameters.ts';
import {InputError} from '../../lib/util/errors.ts';

const specs: ParameterSpecs = {
	hops: {type: 'number', default: 0, summary: 'routers in the path'},
	transport: {type: 'string', default: 'direct', choices: ['direct', 'gre', 'vxlan'], summary: 'tunnel'},
	label: {type: 'string', default: 'x', summary: 'any word'},
	filter: {type: 'boolean', default: true, summary: 'reverse path filter'},
	edges: {type: 'number', default: 3, min: 1, max: 9, summary: 'routers'},
};

const reads = test.macro({
	exec(t, given: Record<string, string>, expected: Record<string, ParameterValue>) {
		t.deepEqual(parseParameters(specs, given), expected);
	},
	title: (_, given) => `reads ${JSON.stringify(given)}`,
});

test(reads, {}, {});
test(reads, {hops: '3'}, {hops: 3});
test(reads, {hops: '-1.5'}, {hops: -1.5});
test(reads, {transport: 'gre', filter: 'false'}, {transport: 'gre', filter: false});
test(reads, {filter: ''}, {filter: true});
test(reads, {filter: 'true'}, {filter: true});
test(reads, {label: 'two words'}, {label: 'two words'});

const refuses = test.macro({
	exec(t, given: Record<string, string>, message: string, details: object) {
		const error = t.throws(() => parseParameters(specs, given), {instanceOf: InputError});
		t.is(error.message.split('\n')[0], message);
		t.like(error.details, details);
	},
	title: (_, given) => `refuses ${JSON.stringify(given)}`,
});

test(reads, {edges: '9'}, {edges: 9});
test(refuses, {edges: '10'}, '--edges cannot be "10". Write --edges 1..9.', {expected: ['1..9']});
test(refuses, {edges: '1.5'}, '--edges cannot be "1.5". Write --edges 1..9.', {expected: ['1..9']});
test(refuses, {hops: 'many'}, '--hops cannot be "many". Write --hops NUMBER.', {expected: ['NUMBER']});
test(refuses, {hops: ''}, '--hops cannot be "". Write --hops NUMBER.', {nearest: []});
test(refuses, {hops: 'Infinity'}, '--hops cannot be "Infinity". Write --hops NUMBER.', {nearest: []});
test(refuses, {transport: 'gra'}, '--transport cannot be "gra". Write --transport direct|gre|vxlan.', {expected: ['direct', 'gre', 'vxlan'], nearest: ['gre']});
test(refuses, {label: ''}, '--label cannot be "". Write --label TEXT.', {expected: ['TEXT']});
test(refuses, {filter: 'yes'}, '--filter cannot be "yes". Write --filter true|false.', {expected: ['true', 'false']});
test(refuses, {hop: '1'}, 'The topology has no parameter "hop". Did you mean --hops? It takes:', {nearest: ['hops'], expected: ['hops', 'transport', 'label', 'filter']});
test(refuses, {constructor: '1'}, 'The topology has no parameter "constructor". It takes:', {nearest: []});

test('an unknown parameter is answered with all that are known', t => {
	const error = t.throws(() => parseParameters(specs, {zzz: '1'}));
	t.deepEqual(error.message.split('\n').slice(1), Object.entries(specs).map(([name, spec]) => `  ${parameterUsage(name, spec)}`));
	t.is(parameterUsage('transport', {type: 'string', default: 'direct', choices: ['direct', 'gre', 'vxlan'], summary: 'tunnel'}), '--transport direct|gre|vxlan  tunnel (default direct)');
	t.throws(() => parseParameters({}, {zzz: '1'}), {message: /It takes none\.$/});
});
