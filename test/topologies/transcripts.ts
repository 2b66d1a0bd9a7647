/** The transcripts in the documents are what the program prints: each is run again and compared, or rewritten with UPDATE_SAMPLES=1. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {securenet} from '../helpers/cli.ts';
import {uniqueName} from '../helpers/names.ts';
import {patience} from '../helpers/patience.ts';

/** What differs from run to run, and what stands in its place. */
const volatile: ReadonlyArray<readonly [what: string, pattern: RegExp, instead: string]> = [
	['round-trip time of one ping', /time=[\d.]+ ms/g, 'time=T ms'],
	['duration of a ping command', /, time \d+ms/g, ', time Tms'],
	['numbers of packets that tcpdump shows', /\bid \d+\b/g, 'id N'],
	['round-trip times of a ping command', /^rtt .*$/gm, 'rtt T'],
	['what the kernel thinks of a neighbour that has answered', /  (?:reachable|stale|delay|probe)\b/g, '  known'],
	['what the kernel thinks of a neighbour that has not', /  (?:incomplete|failed)\b/g, '  unknown'],
	['how old a flow is, and for how long it has met no packet', /\b(duration|idle_age|hard_age)=[\d.]+/g, '$1=T'],
	['pings that count as connections until they are forgotten', /^\d+ connections? cut$/gm, 'N connections cut'],
];

/** Milliseconds in which all edge routers have heard of a host. */
const convergence = 2000 * patience;

/** A line of the prompt with what is printed after it. */
type Exchange = {readonly line: string; readonly output: string};

const replays = test.macro<[document: string, topology: string]>({
	async exec(t, document, topology) {
		const expected = exchangesIn(transcriptOf(document, topology));
		const {stdout, stderr} = await replay(topology, expected.map(({line}) => line));
		t.is(stderr, '');
		const actual = exchangesIn(stdout);
		t.deepEqual(actual.map(({line}) => line), expected.map(({line}) => line));
		if (process.env['UPDATE_SAMPLES'] !== undefined) {
			rewrite(document, topology, expected, actual);
		}

		for (const [index, {line, output}] of exchangesIn(transcriptOf(document, topology)).entries()) {
			compare(t, line, actual[index]?.output ?? '', output);
		}
	},
	title: (_, document, topology) => `${document} shows what ${topology} does`,
});

test(replays, 'README.md', 'topologies/securenet.ts');
for (const story of ['securenet', 'stateful-stateless']) {
	test(replays, 'topologies/README.md', `topologies/${story}.ts`);

	test(`topologies/README.md tells all of topologies/${story}.demo`, t => {
		t.deepEqual(exchangesIn(transcriptOf('topologies/README.md', `topologies/${story}.ts`)).map(({line}) => line), linesOf(story));
	});
}

for (const run of [
	'router-as-switch.ts', 'virtual-l2.ts', 'virtual-l2.ts --hops 1', 'virtual-l2.ts --transport ssh --hops 2', 'virtual-l2.ts --transport vxlan --hops 1',
	'bgp-control-plane.ts', 'bgp-control-plane.ts --edges 5', 'bgp-control-plane.ts --control controller --transport gre',
]) {
	test(replays, 'topologies/README.md', `topologies/${run}`);
}

for (const [story, parameters] of [['firewall-drivers', '--steps'], ['router-as-switch', '--steps'], ['virtual-l2', '--steps --transport gre --hops 1'], ['bgp-control-plane', '--steps']] as const) {
	test(replays, 'topologies/README.md', `topologies/${story}.ts ${parameters}`);

	test(`topologies/README.md tells all of topologies/${story}.demo`, t => {
		t.deepEqual(exchangesIn(transcriptOf('topologies/README.md', `topologies/${story}.ts ${parameters}`)).map(({line}) => line), linesOf(story));
	});
}

for (const run of ['--firewalls 2', '--firewalls 2 --rules stateless', '--firewalls 2 --sync']) {
	test(replays, 'topologies/README.md', `topologies/stateful-stateless.ts ${run}`);
}

/** The lines of a story's script. */
function linesOf(story: string): string[] {
	return readFileSync(`topologies/${story}.demo`, 'utf8').split('\n').filter(line => line !== '' && !line.startsWith('#'));
}

/** All blocks of a document that are marked as printed by the topology, with these parameters, as one. */
function transcriptOf(document: string, topology: string): string {
	const blocks = readFileSync(document, 'utf8').matchAll(/^```text (?<topology>[^\n]+)\n(?<text>.*?)^```$/gms);
	return [...blocks].filter(({groups}) => groups?.['topology'] === topology).map(({groups}) => groups?.['text'] ?? '').join('');
}

function exchangesIn(transcript: string): Exchange[] {
	return transcript.split(/^securenet> /m).slice(1).map(text => {
		const end = text.indexOf('\n');
		return {line: text.slice(0, end), output: text.slice(end + 1)};
	});
}

async function replay(topology: string, lines: readonly string[]): Promise<{stdout: string; stderr: string}> {
	const directory = mkdtempSync(join(tmpdir(), 'transcript-'));
	try {
		const script = join(directory, 'lines');
		writeFileSync(script, lines.join('\n'));
		const {stdout, stderr} = await securenet(['run', ...topology.split(' '), '--name', uniqueName(), '--transcript', '--script', script]);
		return {stdout: `${stdout}\n`, stderr};
	} finally {
		rmSync(directory, {recursive: true});
	}
}

/** Leaves alone what differs only in what is volatile, and what has lines left out: which ones is a person's choice. */
function rewrite(document: string, topology: string, expected: readonly Exchange[], actual: readonly Exchange[]): void {
	let text = readFileSync(document, 'utf8');
	let from = text.indexOf(`\`\`\`text ${topology}\n`);
	for (const [index, {line, output}] of expected.entries()) {
		const printed = actual[index]?.output ?? '';
		const next = hasGap(output) || steady(printed) === steady(output) ? output : printed;
		const at = text.indexOf(`securenet> ${line}\n${output}`, from) + `securenet> ${line}\n`.length;
		text = text.slice(0, at) + next + text.slice(at + output.length);
		from = at + next.length;
	}

	writeFileSync(document, text);
}

type Assertions = {is(actual: string, expected: string, message: string): boolean; regex(actual: string, expected: RegExp, message: string): boolean};

function compare(t: Assertions, line: string, actual: string, expected: string): void {
	if (hasGap(expected)) {
		const parts = steady(expected).split(/^…\n/m).map(part => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
		t.regex(steady(actual), new RegExp(`^${parts.join('(?:.*\n)*')}$`), line);
	} else {
		t.is(steady(actual), steady(expected), line);
	}
}

/** A line `…` stands for lines that the document leaves out. */
function hasGap(text: string): boolean {
	return /^…$/m.test(text);
}

function steady(text: string): string {
	// What took longer than the documents promise stays as it is, and is no longer what they say.
	const soon = text.replaceAll(/ \((\d+) ms\)$/gm, (shown, ms) => Number(ms) < convergence ? ' (T ms)' : shown);
	return volatile.reduce((changed, [, pattern, instead]) => changed.replaceAll(pattern, instead), soon);
}
