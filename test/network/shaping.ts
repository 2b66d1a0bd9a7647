/** Links that are slow, late and lossy, on real packets; on a kernel without netem, the refusal. */
import test, {type ExecutionContext} from 'ava';
import {type Lab, type LabOptions, MachineError, Topology, iperf} from '../../lib/index.ts';
import type {InterfaceOptions, LinkOptions} from '../../lib/topology/specs.ts';
import {machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {needing} from '../helpers/needing.ts';
import {netem} from '../helpers/netem.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

type Kind = 'switch' | 'bridge';

/** Two hosts at a switch; h1's link is told how, h2's end too. */
class Shaped extends Topology {
	readonly #kind: Kind;
	readonly #link: LinkOptions;
	readonly #h2: InterfaceOptions;

	constructor(kind: Kind, link: LinkOptions, h2: InterfaceOptions = {}) {
		super();
		this.#kind = kind;
		this.#link = link;
		this.#h2 = h2;
	}

	override build(): void {
		const s1 = this.#kind === 'switch' ? this.addSwitch('s1') : this.addBridge('s1');
		this.addLink(this.addHost('h1'), s1, this.#link);
		this.addLink(this.addHost('h2').interface(this.#h2), s1);
	}
}

/** Neighbours are permanent: a lost or late ARP request would be no packet of the measurement. */
async function shapedLab(t: ExecutionContext, ...[kind, ...options]: ConstructorParameters<typeof Shaped>): Promise<Lab> {
	return labOf(t, new Shaped(kind, ...options), {arp: true});
}

/** Milliseconds, the least of some. */
async function roundTrip(lab: Lab): Promise<number> {
	const text = await lab.node('h1').run`ping -c 5 -i 0.1 ${lab.node('h2')}`;
	return Number(/= (?<least>[\d.]+)\//.exec(text)?.groups?.['least']);
}

/** Percent, of a thousand pings. */
async function lossOf(lab: Lab): Promise<number> {
	const {stdout} = await lab.node('h1').execute(['ping', '-q', '-i', '0.002', '-c', '1000', lab.node('h2').address ?? '']);
	return Number(/(?<percent>[\d.]+)% packet loss/.exec(stdout)?.groups?.['percent']);
}

function within(t: ExecutionContext, value: number, least: number, most: number): void {
	t.true(value >= least && value <= most, `${value} is not within ${least} and ${most}`);
}

/** A busy machine only makes it longer, so it is measured until it is no more than that. */
async function roundTripWithin(t: ExecutionContext, lab: Lab, least: number, most: number): Promise<void> {
	const end = performance.now() + longPatience;
	let time = await roundTrip(lab);
	while (time > most && performance.now() < end) {
		time = await roundTrip(lab);
	}

	within(t, time, least, most);
}

/** Measurements of a rate; a busy machine only makes it less, so the best one counts. */
const measurements = 3;

/** A machine that is given so many times the time may be that many times as slow. */
async function rateWithin(t: ExecutionContext, lab: Lab, [a, b]: readonly [string, string], least: number, most: number): Promise<void> {
	let best = 0;
	for (let count = 0; count < measurements && best < least; count++) {
		best = Math.max(best, (await iperf(lab.network, a, b, {seconds: 5})).bitsPerSecond / 1e6);
	}

	within(t, best, least / patience, most);
}

const withNetem = await needing('netem');

async function refuses(t: ExecutionContext, work: () => Promise<unknown>, link: string): Promise<void> {
	const error = await t.throwsAsync(work, {instanceOf: MachineError});
	t.is(error.message, `Link ${link} cannot be shaped. ${netem.sentence}`);
}

for (const kind of ['switch', 'bridge'] as const) {
	withNetem(`15 ms a link and direction are four times as much over two links and back, by a ${kind}`, async t => {
		const lab = await shapedLab(t, kind, {delay: '15ms'}, {delay: '15ms'});
		await lab.network.linksBetween('h2', 's1')[0]?.shape({delay: '15ms'});
		await roundTripWithin(t, lab, 48, 72);
	});

	withNetem(`half of the frames are lost in one direction, by a ${kind}`, async t => {
		const lab = await shapedLab(t, kind, {}, {loss: '50%'});
		within(t, await lossOf(lab), 37.5, 62.5);
	});

	withNetem(`10 Mbit/s are what TCP gets, less its headers, in both directions, by a ${kind}`, async t => {
		const lab = await shapedLab(t, kind, {rate: '10mbit'});
		await rateWithin(t, lab, ['h1', 'h2'], 9, 10.1);
		await rateWithin(t, lab, ['h2', 'h1'], 9, 10.1);
	});
}

withNetem('a link is shaped anew, in one direction, and no more, while it runs', async t => {
	const lab = await shapedLab(t, 'switch', {delay: '100ms'});
	const [link] = lab.network.linksBetween('h1', 's1');
	await roundTripWithin(t, lab, 200, 300);
	await link?.shape({delay: '30ms'}, 'h1');
	await roundTripWithin(t, lab, 130, 200);
	await link?.shape({delay: '30ms'});
	await roundTripWithin(t, lab, 60, 100);
	t.deepEqual(link?.shaping, [{delay: 30}, {delay: 30}]);
	await link?.shape({});
	await roundTripWithin(t, lab, 0, 30);
	t.deepEqual(link?.shaping, [{}, {}]);
});

withNetem('a link that was down and is up again is shaped as before', async t => {
	const lab = await shapedLab(t, 'switch', {delay: '50ms'});
	await lab.run('link h1 s1 down', 'link h1 s1 up');
	await roundTripWithin(t, lab, 100, 150);
});

withNetem('somebody may have taken the qdisc away by hand', async t => {
	const lab = await shapedLab(t, 'bridge', {delay: '50ms'});
	await lab.run('h1 tc qdisc del dev h1-eth0 root', 'link h1 s1 set none');
	await roundTripWithin(t, lab, 0, 30);
});

/** How many of fifty frames that come at once get through. */
async function burst(lab: Lab): Promise<number> {
	const {stdout} = await lab.node('h1').execute(['ping', '-q', '-l', '50', '-c', '50', '-s', '1000', '-W', String(3 * patience), lab.node('h2').address ?? '']);
	return Number(/(?<received>\d+) received/.exec(stdout)?.groups?.['received']);
}

withNetem('of a burst on a slow link only what its queue holds gets through', async t => {
	const lab = await shapedLab(t, 'switch', {});
	const [link] = lab.network.linksBetween('h2', 's1');
	// On the switch's end: a host's own would tell ping that it is full, and ping would wait.
	await link?.shape({rate: '1mbit', queue: 5}, 's1');
	within(t, await burst(lab), 1, 49);
	await link?.shape({rate: '1mbit'}, 's1');
	t.is(await burst(lab), 50);
});

withNetem('loss and rate change while the link runs, and packets meet the new ones', async t => {
	const lab = await shapedLab(t, 'bridge', {rate: '10mbit'});
	const set = async (words: string) => lab.run(`link h1 s1 set ${words}`);
	await set('loss 50% from s1');
	within(t, await lossOf(lab), 37.5, 62.5);
	await set('loss 10% from s1');
	within(t, await lossOf(lab), 5, 15);
	await set('rate 2mbit');
	await rateWithin(t, lab, ['h1', 'h2'], 1.8, 2.02);
	t.is(await lossOf(lab), 0);
});

// On a kernel that has it there is nothing to refuse.
if (!netem.available) {
	test.serial('a topology with a shaped link is refused, and nothing of it is made', async t => {
		const name = uniqueName();
		const before = await machine(name);
		const options: LabOptions = {name};
		await refuses(t, async () => labOf(t, new Shaped('bridge', {}, {loss: '1%'}), options), 'h2 - s1');
		t.deepEqual(await machine(name), before);
	});

	test.serial('a link is not shaped while it runs, and stays as it is', async t => {
		const lab = await shapedLab(t, 'bridge', {});
		const [link] = lab.network.linksBetween('h1', 's1');
		await refuses(t, async () => link?.shape({delay: '15ms'}), 'h1 - s1');
		t.deepEqual(link?.shaping, [{}, {}]);
		await t.notThrowsAsync(async () => link?.shape({}));
	});
}

test.serial('only an end of a link can be told what to send', async t => {
	const lab = await shapedLab(t, 'bridge', {});
	const [link] = lab.network.linksBetween('h1', 's1');
	await t.throwsAsync(async () => link?.shape({}, 'h2'), {message: 'h2 is no end of link h1 - s1.'});
});
