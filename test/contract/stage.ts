/** A stage leaves nothing open, however its case ends. */
import {readdirSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {ContractGround} from '../../lib/contract/ground.ts';
import {Limit} from '../../lib/contract/limit.ts';
import {Stage} from '../../lib/contract/stage.ts';
import {usualSilence} from '../../lib/probes/stream.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

const rounds = 10;

/** Descriptors of this process. */
function openFiles(): number {
	return readdirSync('/proc/self/fd').length;
}

/** The fewest that are open, once no thread closes its own any more. */
async function restingFiles(): Promise<number> {
	let fewest = openFiles();
	for (let looks = 0; looks < 50; looks++) {
		await sleep(10);
		looks = openFiles() < fewest ? 0 : looks;
		fewest = Math.min(fewest, openFiles());
	}

	return fewest;
}

type Play = (stage: Stage, interrupt: () => void) => Promise<void>;

/** Ways for a case to end. */
const plays: Readonly<Record<string, Play>> = {
	async 'as it should'(stage) {
		await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 5000});
		await stage.pingDuring({from: 'h1', to: 'h2', sign: '+'}, async ping => ping.more(20));
		await stage.probes('+ h1 > h2 tcp 80');
	},
	async 'by an error under a ping'(stage) {
		await stage.pingDuring({from: 'h1', to: 'h2', sign: '+'}, async () => Promise.reject(new Error('planned')));
	},
	async 'by a port that is taken'(stage) {
		await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 5001});
		await stage.stream({from: 'h3', to: 'h2', transport: 'tcp', port: 5001});
	},
	async 'interrupted under a ping'(stage, interrupt) {
		await stage.pingDuring({from: 'h1', to: 'h2', sign: '+'}, async ping => {
			interrupt();
			await ping.more(1000);
		});
	},
	async 'interrupted while a connection opens'(stage, interrupt) {
		setImmediate(interrupt);
		await stage.stream({from: 'h1', to: 'h2', transport: 'tcp', port: 5002});
	},
	async 'interrupted while a ping begins'(stage, interrupt) {
		setImmediate(interrupt);
		await stage.pingDuring({from: 'h1', to: 'h2', sign: '+'}, async ping => ping.more(1));
	},
};

test.serial(`${rounds * Object.keys(plays).length} stages leave no descriptor open`, async t => {
	t.timeout(longPatience * 4);
	const lab = await labOf(t, new ContractGround({kind: 'switch', hosts: {}, twin: false}), {arp: true});
	const play = async (name: string, body: Play) => {
		const interrupted = new AbortController();
		using limit = new Limit(longPatience, interrupted.signal);
		using stage = new Stage(lab, {kind: 'switch', family: 4, patience, limit, tested: 'openflow', other: undefined});
		try {
			await body(stage, () => {
				interrupted.abort();
			});
			t.is(name, 'as it should');
			t.deepEqual(stage.checks.filter(({expected, observed}) => expected !== observed), []);
		} catch (error) {
			t.not(name, 'as it should', String(error));
		}
	};

	const all = async () => {
		for (const [name, body] of Object.entries(plays)) {
			await play(name, body);
		}
	};

	// What is opened once and stays, such as the connections of drivers, is there after the first.
	await all();
	const before = await restingFiles();
	for (let round = 0; round < rounds; round++) {
		await all();
	}

	const after = await restingFiles();
	t.true(after <= before, `${before} descriptors before, ${after} after`);
});

test.serial('with patience a stage waits longer before it takes silence for a cut', async t => {
	t.timeout(longPatience);
	const lab = await labOf(t, new ContractGround({kind: 'switch', hosts: {}, twin: false}), {arp: true});
	await lab.run('h1 bind g1', 'h2 bind g2', 'secrule add allow g1 to g2 name goes');
	using limit = new Limit(longPatience, undefined);
	using patient = new Stage(lab, {kind: 'switch', family: 4, patience: 4 * Math.max(1, patience), limit, tested: 'openflow', other: undefined});
	using usual = new Stage(lab, {kind: 'switch', family: 4, patience, limit, tested: 'openflow', other: undefined});
	const streams = await Promise.all([patient, usual].map(async (stage, index) => stage.stream({from: 'h1', to: 'h2', transport: 'udp', port: 5000 + index})));
	await lab.run('secrule del goes');
	const [last = 0, first = 0] = await Promise.all(streams.map(async stream => {
		t.true(await stream.isCut());
		return performance.now();
	}));
	t.true(last - first > usualSilence, `${last - first} ms later`);
});
