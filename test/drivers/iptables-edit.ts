/** A change of chains touches only the lines that differ, and leaves what a replacement of all lines would. */
import test from 'ava';
import fc from 'fast-check';
import {editText} from '../../lib/drivers/iptables-edit.ts';
import type {TextLine} from '../../lib/drivers/iptables-lines.ts';
import {createPerimeterDriver} from '../../lib/drivers/iptables-perimeter.ts';
import {plainRouter, renderPerimeter} from '../../lib/drivers/iptables-render.ts';
import type {PerimeterState} from '../../lib/drivers/iptables-render.ts';
import {save} from '../../lib/kernel/iptables.ts';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {arbitrarySentence, sets} from '../helpers/arbitrary-sentence.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import {base, buildRouter, pings} from '../helpers/router.ts';

const [edited, written] = testNamespaces('edited', 'written') as [Namespace, Namespace];
const {client, router, down} = await buildRouter();
const device = 'fw';

test.after.always(() => {
	down();
	deleteNamespaces([edited, written]);
});

/** What changes a router with 40 rules into one with others; the text is undefined when all lines are written anew. */
const edits = test.macro({
	exec(t, change: (rules: string[]) => string[], expected: RegExp[] | undefined) {
		const rules = Array.from({length: 40}, (_, index) => `${index + 1}: deny 192.0.2.${index} to any`);
		const [before, after] = [rules, change(rules)].map(sentences => renderPerimeter(perimeterPlan({rules: sentences}), plainRouter));
		const commands = editText(before?.lines[4] ?? [], after?.lines[4] ?? [])?.split('\n').slice(1, -2);
		t.is(commands?.length, expected?.length, commands?.join('\n'));
		expected?.forEach((pattern, index) => {
			t.regex(commands?.[index] ?? '', pattern);
		});
	},
	title: name => `edit: ${name ?? ''}`,
});

test('a rule more at the end of forty', edits, rules => [...rules, '41: deny 192.0.2.99 to any'], [/^-I PFW 47 -s 192\.0\.2\.99 /]);
test('a rule more before them', edits, rules => ['41: deny 192.0.2.99 to any', ...rules], [/^-I PFW 7 -s 192\.0\.2\.99 /]);
test('two rules more, at both ends', edits, rules => ['41: deny 192.0.2.98 to any', ...rules, '42: deny 192.0.2.99 to any'], [/^-I PFW 7 .*98/, /^-I PFW 48 .*99/]);
test('a rule less', edits, rules => rules.toSpliced(20, 1), [/^-D PFW -s 192\.0\.2\.20 .*"secrule:21" -j DROP$/]);
test('a rule in the place of another', edits, rules => rules.with(20, '41: deny 192.0.2.99 to any'), [/^-D PFW -s 192\.0\.2\.20 /, /^-I PFW 27 -s 192\.0\.2\.99 /]);
test('a rule more with chains of its own', edits, rules => [...rules, '41: deny 192.0.2.99 to any log'], [/^:PFW-LOG-41 - /, /^-I PFW 47 .* -j PFW-LOG-41$/, /^-I PFW-LOG-41 1 .*NFLOG/, /^-I PFW-LOG-41 2 .*DROP$/]);
test('rules that change places: all lines anew', edits, rules => rules.toReversed(), undefined);
test('a rule that says something else under its id: its count is another\'s then, so all lines anew', edits, rules => rules.with(3, '4: deny 192.0.2.99 to any'), undefined);
test('everything else: all lines anew', edits, () => ['50: deny any to any'], undefined);

test('random changes of random rules leave the lines that were rendered', t => {
	let edited = 0;
	fc.assert(fc.property(fc.array(arbitrarySentence(), {minLength: 4, maxLength: 12}), fc.array(arbitrarySentence(), {maxLength: 3}), fc.array(fc.nat(11), {maxLength: 3}), (sentences, more, less) => {
		const numbered = [...sentences, ...more].map((sentence, index) => `${index + 1}: ${sentence}`);
		const kept = numbered.slice(0, sentences.length);
		const next = [...more.length > 0 ? numbered.slice(-1) : [], ...kept.filter((_, index) => !less.includes(index)), ...numbered.slice(sentences.length, -1)];
		const [before, after] = [kept, next].map(rules => renderPerimeter(perimeterPlan({sets, rules}), plainRouter).lines[6]) as [TextLine[], TextLine[]];
		const text = editText(before, after);
		edited += text === undefined ? 0 : 1;
		t.deepEqual(Object.fromEntries(text === undefined ? chainsOf(after) : obey(text, before)), Object.fromEntries(chainsOf(after)));
	}), {numRuns: 200});
	t.true(edited > 100, `${edited} edits`);
});

test('lines that are changed from those before are the lines of a rendering from nothing', t => {
	fc.assert(fc.property(fc.array(arbitrarySentence(), {minLength: 1, maxLength: 10}), fc.array(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), {minLength: 2, maxLength: 5}), (sentences, steps) => {
		const plan = perimeterPlan({sets, rules: sentences});
		let state: PerimeterState = plainRouter;
		for (const kept of steps) {
			const part = {...plan, rules: kept.flatMap(index => plan.rules[index] ?? [])};
			state = renderPerimeter(part, state);
			t.deepEqual([textsOf(state), state.uses], [textsOf(renderPerimeter(part, plainRouter)), renderPerimeter(part, plainRouter).uses]);
		}
	}), {numRuns: 200});
});

test('the lines of rules that stay are the very same', t => {
	const plan = perimeterPlan({sets, rules: Array.from({length: 40}, (_, index) => `deny sg:web to 192.0.2.${index}`)});
	const [before, after] = [plan.rules.toSpliced(20, 1), plan.rules].reduce<PerimeterState[]>((states, rules) => [...states, renderPerimeter({...plan, rules}, states.at(-1) ?? plainRouter)], []);
	t.is(after?.lines[4].filter(line => !before?.lines[4].includes(line)).length, 1);
});

test.serial('the kernel holds the same lines as after a replacement of all', async t => {
	const rules = ['1: allow sg:web to sg:db tcp dport 80', '2: deny any to 10.0.2.9 udp dport 5,7-9', '3: reject any to any icmp 3/4', '4: allow sg:web to any proto 47 stateless'];
	const steps = [
		rules, rules.toSpliced(1, 0, '5: allow any to any stateless rate 5 7 log'), [...rules, '6: deny any to !sg:db'], rules.slice(1), rules,
	];
	let state: PerimeterState = plainRouter;
	for (const step of steps) {
		const plan = perimeterPlan({...base, rules: step});
		state = await install(edited, plan, state);
		const whole = await install(written, plan, plainRouter);
		t.deepEqual(await linesOf(edited), await linesOf(written));
		await install(written, undefined, whole);
	}
});

test.serial('lines that stay go on counting; a chain that somebody else has changed is written anew', async t => {
	const rules = ['6: allow sg:web to sg:db', '7: deny any to 10.0.2.9'];
	let state = await install(router, perimeterPlan({...base, rules}), plainRouter);
	await pings(client, '10.0.2.1');
	state = await install(router, perimeterPlan({...base, rules: [...rules, '8: deny any to 10.0.2.8']}), state);
	t.regex(await save(router, 4), /^\[1:\d+\] -A PFW .*"?secrule:6"? /m);
	await run(['iptables', '-F', 'PFW'], {namespace: router});
	state = await install(router, perimeterPlan({...base, rules}), state);
	t.is((await linesOf(router)).filter(line => line.startsWith('-A PFW ')).length, state.lines[4].filter(({chain}) => chain === 'PFW').length);
});

/** @param plan undefined: the router as it was before any policy */
async function install(namespace: Namespace, plan: ReturnType<typeof perimeterPlan> | undefined, previous: PerimeterState): Promise<PerimeterState> {
	const driver = createPerimeterDriver({namespaceOf: () => namespace});
	const next = plan ? driver.render(plan, previous) : plainRouter;
	await driver.check({device, previous, next});
	await driver.apply({device, previous, next});
	return next;
}

/** Without counters, and without the generations of sets. */
async function linesOf(namespace: Namespace): Promise<string[]> {
	return (await save(namespace, 4)).split('\n').map(line => line.replace(/^\[\d+:\d+\] /, '').replaceAll(/\.\d+\.4 /g, '.4 ')).filter(line => line.startsWith('-A '));
}

function textsOf({lines}: PerimeterState): string[] {
	return [...lines[4], ...lines[6]].map(({text}) => text);
}

/** The chains after a text of iptables-restore, as it reads it: line by line. */
function obey(text: string, before: readonly TextLine[]): Map<string, string[]> {
	const chains = chainsOf(before);
	for (const line of text.split('\n')) {
		const [, declared = ''] = /^:(\S+)/.exec(line) ?? [];
		const [, command = '', chain = '', place = '', rest = ''] = /^-([DIX]) (\S+)(?: (\d+))?(?: (.*))?$/.exec(line) ?? [];
		const lines = chains.get(chain) ?? [];
		if (declared !== '') {
			chains.set(declared, []);
		} else if (command === 'X') {
			chains.delete(chain);
		} else if (command === 'I') {
			lines.splice(Number(place) - 1, 0, `-A ${chain} ${rest}`);
		} else if (command === 'D') {
			lines.splice(lines.indexOf(`-A ${chain} ${rest}`), 1);
		}
	}

	return chains;
}

function chainsOf(lines: readonly TextLine[]): Map<string, string[]> {
	const chains = new Map<string, string[]>();
	for (const {chain, text} of lines) {
		chains.set(chain, [...chains.get(chain) ?? [], text]);
	}

	return chains;
}
