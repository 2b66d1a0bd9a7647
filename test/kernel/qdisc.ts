/** netem as `tc` sees it; on a kernel without it, the refusal. */
import {readdirSync} from 'node:fs';
import test from 'ava';
import {namespaceDirectory, type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {Attributes} from '../../lib/kernel/netlink-attributes.ts';
import {dump} from '../../lib/kernel/netlink-dump.ts';
import {run} from '../../lib/kernel/process.ts';
import {type Netem, deleteQdisc, hasNetem, setNetem} from '../../lib/kernel/qdisc.ts';
import {Rtnetlink, RtnetlinkError} from '../../lib/kernel/rtnetlink.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {needing} from '../helpers/needing.ts';
import {netem} from '../helpers/netem.ts';

const NETLINK_ROUTE = 0;
const RTM_GETQDISC = 38;
const TCA_OPTIONS = 2;
const TCA_NETEM_LATENCY64 = 10;
const lo = {name: 'lo', index: 1} as const;
const nothing: Netem = {latency: 0n, jitter: 0n, loss: 0, rate: 0n, limit: 1000};
const milliseconds = 1_000_000n;

/** The root qdisc as `tc` shows it, numbers in seconds, shares and bytes a second. */
type Shown = {kind: string; handle: string; options: {limit?: number; delay?: {delay: number; jitter: number}; 'loss-random'?: {loss: number}; rate?: {rate: number}}};

async function shown(namespace: Namespace): Promise<Shown | undefined> {
	const {stdout} = await run(['tc', '-json', 'qdisc', 'show', 'dev', 'lo'], {namespace});
	return (JSON.parse(stdout) as Shown[])[0];
}

/** Nanoseconds, of every netem; tc shows ticks. Options are struct tc_netem_qopt, then attributes. */
function latencies(namespace: Namespace): bigint[] {
	return dump(namespace, {
		protocol: NETLINK_ROUTE,
		type: RTM_GETQDISC,
		object: 'qdiscs',
		fill: request => request.fixed(20, () => undefined),
		read: payload => new Attributes(new Attributes(payload, 20).bytes(TCA_OPTIONS).subarray(24)).bytes(TCA_NETEM_LATENCY64).readBigInt64LE(),
	});
}

function queue(t: {teardown: (undo: () => void) => void}): {namespace: Namespace; send: (queueRequest: (rtnetlink: Rtnetlink) => void) => void} {
	const [namespace] = testNamespaces('qdisc') as [Namespace];
	const rtnetlink = new Rtnetlink(namespace);
	t.teardown(() => {
		rtnetlink.close();
		deleteNamespaces([namespace]);
	});
	return {
		namespace,
		send(queueRequest) {
			queueRequest(rtnetlink);
			rtnetlink.flush();
		},
	};
}

test.serial('whether there is netem is found out as tc does, and leaves no namespace', t => {
	t.is(hasNetem(), netem.available);
	t.deepEqual(readdirSync(namespaceDirectory).filter(name => name.endsWith(`netem-${process.pid}`)), []);
});

const withNetem = await needing('netem');

withNetem('netem has all that it is given, and nothing of what it had', async t => {
	const {namespace, send} = queue(t);
	send(rtnetlink => {
		setNetem(rtnetlink, lo, {latency: 15n * milliseconds, jitter: 2n * milliseconds, loss: 0.25, rate: 1_250_000n, limit: 77});
	});
	const {kind, handle, options} = await shown(namespace) ?? {};
	t.is(kind, 'netem');
	t.like(options, {limit: 77, delay: {delay: 0.015, jitter: 0.002}, 'loss-random': {loss: 0.25}, rate: {rate: 1_250_000}});
	send(rtnetlink => {
		setNetem(rtnetlink, lo, nothing);
	});
	const {handle: other, options: after} = await shown(namespace) ?? {};
	t.not(other, handle, 'the same netem would go on with the packets that it holds');
	t.deepEqual([after?.limit, after?.delay, after?.['loss-random'], after?.rate], [1000, undefined, undefined, undefined]);
});

withNetem('what is longer than 32 bits arrives whole: rates, and delays in ticks of 64 ns', async t => {
	const {namespace, send} = queue(t);
	send(rtnetlink => {
		setNetem(rtnetlink, lo, {...nothing, latency: 3_600_000n * milliseconds, rate: 125_000_000_000n});
	});
	t.like((await shown(namespace))?.options, {rate: {rate: 125_000_000_000}});
	t.deepEqual(latencies(namespace), [3_600_000n * milliseconds]);
});

withNetem('without its qdisc an interface has the queue it was made with', async t => {
	const {namespace, send} = queue(t);
	const before = await shown(namespace);
	send(rtnetlink => {
		setNetem(rtnetlink, lo, nothing);
	});
	t.notDeepEqual(await shown(namespace), before);
	send(rtnetlink => {
		deleteQdisc(rtnetlink, lo);
	});
	t.deepEqual(await shown(namespace), before);
});

// On a kernel that has it there is nothing to refuse.
if (!netem.available) {
	test.serial('a kernel without netem refuses it in its own words', t => {
		const {send} = queue(t);
		const error = t.throws(() => {
			send(rtnetlink => {
				setNetem(rtnetlink, lo, nothing);
			});
		}, {instanceOf: RtnetlinkError});
		t.like(error, {errno: 'ENOENT', object: 'lo'});
		t.regex(error.message, /set netem of lo in .*: ENOENT \(Specified qdisc kind is unknown\)/);
	});
}

test.serial('deleting a qdisc that is not there is ENOENT', t => {
	const {send} = queue(t);
	t.like(t.throws(() => {
		send(rtnetlink => {
			deleteQdisc(rtnetlink, lo);
		});
	}, {instanceOf: RtnetlinkError}), {errno: 'ENOENT', object: 'lo'});
});
