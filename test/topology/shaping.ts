/** Shaping as it is written, read and written again, and which end of a link gets it. */
import test from 'ava';
import {check} from '../../lib/topology/check.ts';
import {type Shaping, formatShaping, parseShaping} from '../../lib/topology/shaping.ts';
import type {InterfaceOptions, LinkOptions, ShapingOptions} from '../../lib/topology/specs.ts';
import {InputError} from '../../lib/util/errors.ts';
import {ProblemsError, problemText} from '../../lib/util/problems.ts';
import {sketch} from '../helpers/sketch.ts';

const reads = test.macro({
	title: (_, options: ShapingOptions) => `reads ${JSON.stringify(options)}`,
	exec(t, options: ShapingOptions, shaping: Shaping, text: string) {
		t.deepEqual(parseShaping(options), shaping);
		t.is(formatShaping(shaping), text);
	},
});

test(reads, {}, {}, '');
test(reads, {rate: '10mbit'}, {rate: 1e7}, 'rate 10mbit');
test(reads, {rate: '1.5Gbit'}, {rate: 1.5e9}, 'rate 1.5gbit');
test(reads, {rate: '2500bit'}, {rate: 2500}, 'rate 2.5kbit');
test(reads, {delay: '15ms', jitter: '2ms'}, {delay: 15, jitter: 2}, 'delay 15ms jitter 2ms');
test(reads, {delay: '1s'}, {delay: 1000}, 'delay 1s');
test(reads, {delay: '0.3ms'}, {delay: 0.3}, 'delay 300us');
test(reads, {delay: '50us'}, {delay: 0.05}, 'delay 50us');
test(reads, {loss: '0.5%'}, {loss: 0.5}, 'loss 0.5%');
test(reads, {loss: '100%'}, {loss: 100}, 'loss 100%');
test(reads, {loss: '0%', delay: '0ms'}, {}, '');
test(reads, {queue: 20, rate: '1mbit'}, {rate: 1e6, queue: 20}, 'rate 1mbit queue 20');

const rateForm = 'Write a rate with its unit, like 500kbit, 10mbit or 1gbit.';
const timeForm = 'Write a time with its unit, like 500us, 15ms or 1s.';
const lossForm = 'Write a share like 1% or 0.5%.';

const refuses = test.macro({
	title: (_, options: ShapingOptions) => `refuses ${JSON.stringify(options)}`,
	exec(t, options: ShapingOptions, message: string) {
		const error = t.throws(() => parseShaping(options), {instanceOf: InputError, message});
		t.is(error.code, 'shaping');
	},
});

test(refuses, {rate: '10'}, `rate "10" cannot be read. ${rateForm}`);
test(refuses, {rate: '10mbps'}, `rate "10mbps" cannot be read. ${rateForm}`);
test(refuses, {rate: '0mbit'}, 'rate "0mbit" is out of range. Give 1kbit to 1000gbit.');
test(refuses, {rate: '2000gbit'}, 'rate "2000gbit" is out of range. Give 1kbit to 1000gbit.');
test(refuses, {delay: '15'}, `delay "15" cannot be read. ${timeForm}`);
test(refuses, {delay: '-15ms'}, `delay "-15ms" cannot be read. ${timeForm}`);
test(refuses, {delay: '2h\n'}, `delay "2h\uFFFD" cannot be read. ${timeForm}`);
test(refuses, {delay: '3601s'}, 'delay "3601s" is out of range. Give 0s to 3600s.');
test(refuses, {delay: '10s', jitter: '2.1s'}, 'jitter "2.1s" is out of range. Give 0s to 2s.');
test(refuses, {loss: '1'}, `loss "1" cannot be read. ${lossForm}`);
test(refuses, {loss: '100.1%'}, 'loss "100.1%" is out of range. Give 0% to 100%.');
test(refuses, {rate: '1mbit', queue: 0}, 'queue 0 is out of range. Give 1 to 1000000.');
test(refuses, {rate: '1mbit', queue: 1.5}, 'queue 1.5 is out of range. Give 1 to 1000000.');
test(refuses, {queue: 10}, 'queue is given without a rate that frames would wait for. Give rate as well.');
test(refuses, {jitter: '2ms'}, 'jitter is given without a delay that it could vary. Give delay as well.');
test(refuses, {jitter: '2ms', delay: '1ms'}, 'jitter 2ms is more than the delay of 1ms. Give at most the delay: no frame arrives before it was sent.');
test(refuses, {loss: 'x', delay: 'y'}, `delay "y" cannot be read. ${timeForm}\nloss "x" cannot be read. ${lossForm}`);

function plan(link: LinkOptions, h1: InterfaceOptions = {}, s1: InterfaceOptions = {}) {
	return check(sketch(t => t.addLink(t.addHost('h1').interface(h1), t.addSwitch('s1').interface(s1), link)));
}

const shapes = test.macro({
	title: (_, title: string) => `shapes ${title}`,
	exec(t, _title: string, given: Parameters<typeof plan>, expected: readonly [Shaping | undefined, Shaping | undefined]) {
		t.deepEqual(plan(...given).links[0]?.ends.map(({shaping}) => shaping), [...expected]);
	},
});

test(shapes, 'nothing by itself', [{}], [undefined, undefined]);
test(shapes, 'both directions by options of the link', [{delay: '5ms'}], [{delay: 5}, {delay: 5}]);
test(shapes, 'one direction by options of an end', [{}, {delay: '5ms'}], [{delay: 5}, undefined]);
test(shapes, 'by options of an end before those of the link', [{delay: '5ms', loss: '1%'}, {delay: '7ms'}, {loss: '0%'}], [{delay: 7, loss: 1}, {delay: 5}]);
test(shapes, 'by options that only together are complete', [{jitter: '1ms'}, {delay: '7ms'}, {delay: '8ms'}], [{delay: 7, jitter: 1}, {delay: 8, jitter: 1}]);

const reports = test.macro({
	title: (_, title: string) => `reports ${title}`,
	exec(t, _title: string, given: Parameters<typeof plan>, expected: readonly string[]) {
		const error = t.throws(() => plan(...given), {instanceOf: ProblemsError});
		t.deepEqual(error.problems.map(problemText), [...expected]);
	},
});

test(reports, 'what the link says wrong once', [{delay: '5', queue: -1}], [`link h1 - s1: delay "5" cannot be read. ${timeForm}`, `link h1 - s1: queue -1 cannot be read. Write a number of frames, like 1000.`]);
test(reports, 'what an end says wrong at its node', [{}, {rate: '0bit'}, {loss: '200%'}], ['h1: rate "0bit" is out of range. Give 1kbit to 1000gbit.', 's1: loss "200%" is out of range. Give 0% to 100%.']);
test(reports, 'jitter without delay at the link once', [{jitter: '5ms'}], ['link h1 - s1: jitter is given without a delay that it could vary. Give delay as well.']);
test(reports, 'jitter without delay where an end is different', [{jitter: '5ms'}, {delay: '5ms'}], ['link h1 - s1: jitter is given without a delay that it could vary. Give delay as well.']);
test(reports, 'more jitter than delay at the end that has it', [{delay: '5ms'}, {jitter: '6ms'}], ['h1: jitter 6ms is more than the delay of 5ms. Give at most the delay: no frame arrives before it was sent.']);
test(reports, 'values of the wrong kind', [{delay: 15 as never, loss: 1 as never}, {queue: '5' as never}], [
	'link h1 - s1: option delay has a value of the wrong kind. Give a time with its unit, like 500us, 15ms or 1s.',
	'link h1 - s1: option loss has a value of the wrong kind. Give a share like 1% or 0.5%.',
	'h1: option queue has a value of the wrong kind. Give a number.',
]);
