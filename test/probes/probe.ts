/** Probes on real packets: allowed, blocked and failed are three different things. */
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {InetSocket} from '../../lib/kernel/inet-socket.ts';
import type {Probe} from '../../lib/probes/probe.ts';
import {type ProbeResult, probe, probeAll} from '../../lib/probes/round.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {Sketch, secureNet} from '../helpers/blueprints.ts';
import {patience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

const pair = () => new Sketch(`
	h1 10.0.0.1/24,fd00::1/64 -- s1
	h2 10.0.0.2/24,fd00::2/64 -- s1
`);

const patient = {timeout: 400};
/** For what passes: a neighbour that is not heard at once is asked again after a second. */
const unhurried = {timeout: 5000 * patience};
const text = ({verdict, stopped, rejected, reason}: ProbeResult) => [verdict, stopped, rejected, verdict === 'failed' ? reason : undefined].filter(Boolean).join(' ');

for (const family of [4, 6] as const) {
	for (const kind of [{}, {tcp: 80}, {tcp: 80, sport: 42}, {udp: 53}, {udp: 53, sport: 42}, {sctp: 9}, {sctp: 9, sport: 42}, {protocol: 99}]) {
		test.serial(`IPv${family} ${JSON.stringify(kind)}: allowed, then blocked one way, and allowed the other way`, async t => {
			const lab = await labOf(t, pair());
			const there = {from: 'h1', to: 'h2', family, ...kind};
			t.is(text(await probe(lab.network, there, unhurried)), 'allowed');
			await lab.run('secrule add deny h1 to h2');
			t.is(text(await probe(lab.network, there, patient)), 'blocked request');
			t.is(text(await probe(lab.network, {...there, from: 'h2', to: 'h1'}, unhurried)), 'allowed');
		});
	}
}

test.serial('through a firewall: blocked, opened, and blocked again', async t => {
	const lab = await labOf(t, new Sketch(secureNet));
	const pairs: Probe[] = [{from: 'h10', to: 'h20', tcp: 80}, {from: 'h10', to: 'h30', udp: 53}, {from: 'h10', to: 'h11'}, {from: 'h10', to: 'h20', sctp: 9}];
	const verdicts = async () => (await probeAll(lab.network, pairs, patient)).map(text);
	t.deepEqual(await verdicts(), ['blocked request', 'blocked request', 'allowed', 'blocked request']);
	await lab.run('secrule add allow h10 to h20');
	t.deepEqual(await verdicts(), ['allowed', 'blocked request', 'allowed', 'allowed']);
});

/** Changes something in a node, asks, and undoes it. */
async function asking(lab: Lab, node: string, change: readonly string[], undo: readonly string[], one: Probe): Promise<ProbeResult> {
	const {exitCode, stderr} = await lab.node(node).execute(change);
	if (exitCode !== 0) {
		throw new Error(`${change.join(' ')}: ${stderr}`);
	}

	const result = await probe(lab.network, one, patient);
	await lab.node(node).execute(undo);
	return result;
}

test.serial('what could not be asked has failed, and is not blocked', async t => {
	const lab = await labOf(t, pair());
	const [echo, tcp, udp] = [{from: 'h1', to: 'h2'}, {from: 'h1', to: 'h2', tcp: 80}, {from: 'h1', to: 'h2', udp: 53}];
	const cases: ReadonlyArray<readonly [ProbeResult, RegExp]> = [
		[await probe(lab.network, {...echo, destination: '192.0.2.1'}, patient), /ENETUNREACH/],
		[await probe(lab.network, {...echo, destination: '10.0.0.77'}, patient), /nobody answered for the MAC address/],
		[await probe(lab.network, {...tcp, destination: '10.0.0.77'}, patient), /h2 cannot listen: .*EADDRNOTAVAIL/],
		[await probe(lab.network, {...tcp, source: '10.0.0.77'}, patient), /h1 could not send: .*EADDRNOTAVAIL/],
		[await asking(lab, 'h2', ['sysctl', '-w', 'net.ipv4.icmp_echo_ignore_all=1'], ['sysctl', '-w', 'net.ipv4.icmp_echo_ignore_all=0'], echo), /h2 got the request and sent no answer/],
		[await asking(lab, 'h1', ['ip', 'route', 'add', 'prohibit', '10.0.0.2'], ['ip', 'route', 'del', 'prohibit', '10.0.0.2'], tcp), /h1 could not send/],
		[await asking(lab, 'h2', ['ip', 'address', 'del', '10.0.0.2/24', 'dev', 'h2-eth0'], ['ip', 'address', 'add', '10.0.0.2/24', 'dev', 'h2-eth0'], udp), /h2 cannot listen/],
	];
	for (const [{verdict, reason}, expected] of cases) {
		t.is(verdict, 'failed', reason);
		t.regex(reason, expected);
	}
});

/** A program's socket at a port of a host. */
function occupied(t: ExecutionContext, lab: Lab, host: string, port: number, kind: 'stream' | 'datagram' | 'listening'): void {
	const node = lab.node(host);
	const socket = InetSocket.open(node.namespace, 4, kind === 'datagram' ? 'datagram' : 'stream');
	t.teardown(() => {
		socket.close();
	});
	socket.bind({address: parseAddress(node.address ?? ''), port});
	if (kind === 'listening') {
		socket.listen();
	}
}

for (const [kind, there, reason] of [
	['listening', {tcp: 80}, 'h2 answered'], ['stream', {tcp: 80}, 'h2 answered that nobody listens'], ['datagram', {udp: 80}, 'h2 answered'],
] as const) {
	test.serial(`a port that a program has, ${kind}: allowed and blocked as any other`, async t => {
		const lab = await labOf(t, pair());
		occupied(t, lab, 'h2', 80, kind);
		t.like(await probe(lab.network, {from: 'h1', to: 'h2', ...there}), {verdict: 'allowed', reason});
		await lab.run('h2 bind web', 'secrule add allow h1 to web tcp stateless', 'secrule add allow h1 to web udp stateless', 'secrule add deny h2 to any', 'h1 bind db');
		t.is(text(await probe(lab.network, {from: 'h1', to: 'h2', ...there}, patient)), kind === 'stream' ? 'failed nobody listens on h2, and that it says so did not reach h1' : 'blocked answer');
		await lab.run('secrule clear');
		t.is(text(await probe(lab.network, {from: 'h1', to: 'h2', ...there}, patient)), 'blocked request');
	});
}

for (const [kind, there] of [['listening', {tcp: 80, sport: 42}], ['stream', {tcp: 80, sport: 42}], ['datagram', {udp: 80, sport: 42}]] as const) {
	test.serial(`from a port that a program has, ${kind}: allowed and blocked as from any other`, async t => {
		const lab = await labOf(t, pair());
		occupied(t, lab, 'h1', 42, kind);
		t.is(text(await probe(lab.network, {from: 'h1', to: 'h2', ...there})), 'allowed');
		await lab.run('secrule add deny h1 to h2');
		t.is(text(await probe(lab.network, {from: 'h1', to: 'h2', ...there}, patient)), 'blocked request');
	});
}

test.serial('from a port where another probe of the same round is answered', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1\nh3 10.0.0.3/24 -- s1'));
	for (const transport of ['tcp', 'udp'] as const) {
		const results = await probeAll(lab.network, [{from: 'h1', to: 'h2', [transport]: 80, sport: 42}, {from: 'h3', to: 'h1', [transport]: 42}, {from: 'h2', to: 'h1', [transport]: 42, sport: 80}]);
		t.deepEqual(results.map(text), ['allowed', 'allowed', 'allowed'], transport);
	}
});

test.serial('a rejection by a router is told from the silence of a firewall and from the target itself', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- r1 10.0.1.254/24\nh2 10.0.2.1/24 -- r1 10.0.2.254/24'));
	for (const [rule, kind, expected] of [
		['-p tcp -j REJECT --reject-with tcp-reset', {tcp: 80}, 'blocked request reset'],
		['-p tcp -j REJECT --reject-with icmp-admin-prohibited', {tcp: 80}, 'blocked request prohibited'],
		['-p udp -j REJECT --reject-with icmp-admin-prohibited', {udp: 53}, 'blocked request prohibited'],
		['-p udp -j DROP', {udp: 53}, 'blocked request'],
		['-p udp -s 10.0.2.1 -j DROP', {udp: 53}, 'blocked answer'],
		['-p tcp -s 10.0.2.1 -j DROP', {tcp: 80}, 'blocked answer'],
	] as const) {
		await lab.node('r1').execute(['iptables', '-A', 'FORWARD', ...rule.split(' ')]);
		t.is(text(await probe(lab.network, {from: 'h1', to: 'h2', ...kind}, patient)), expected, rule);
		await lab.node('r1').execute(['iptables', '-F', 'FORWARD']);
	}

	t.is(text(await probe(lab.network, {from: 'h1', to: 'h2', tcp: 80}, patient)), 'allowed');
});

test.serial('what is lost once is sent again at half of the time; what never passes is given up when it is over', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- r1 10.0.1.254/24\nh2 10.0.2.1/24 -- r1 10.0.2.254/24'));
	const [first, always] = [{from: 'h1', to: 'h2', udp: 53}, {from: 'h1', to: 'h2', udp: 54}];
	await probeAll(lab.network, [first, always], unhurried);
	await lab.node('r1').run`iptables -A FORWARD -p udp --dport 53 -m limit --limit 1/hour --limit-burst 1 -j DROP`;
	await lab.node('r1').run`iptables -A FORWARD -p udp --dport 54 -j DROP`;
	const timeout = 1000 * patience;
	const [again, never] = await probeAll(lab.network, [first, always], {timeout});
	t.is(again?.verdict, 'allowed');
	t.true((again?.ms ?? 0) >= timeout * 0.4, `${again?.ms} ms`);
	t.is(never && text(never), 'blocked request');
	t.true((never?.ms ?? 0) >= timeout * 0.9, `${never?.ms} ms`);
	t.regex(await lab.node('r1').run`iptables -nvxL FORWARD`, /^ +1 .* DROP .*:53\b.*\n +2 .* DROP .*:54\b/m);
});

const stalls = {
	'before it looks'(wait: () => void) {
		wait();
	},
	'while it looks'(wait: () => void) {
		setImmediate(wait);
	},
};

for (const [when, stall] of Object.entries(stalls)) {
	test.serial(`an answer that comes while this process has no time, ${when}, is an answer`, async t => {
		const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- s1\nr1 10.0.1.254/24 -- s1\nh2 10.0.2.1/24 -- r1 10.0.2.254/24'));
		const one = {from: 'h1', to: 'h2', udp: 53};
		await probe(lab.network, one, unhurried);
		// So that only the last try can be answered.
		await lab.node('r1').run`iptables -A FORWARD -p udp --dport 53 -m limit --limit 1/hour --limit-burst 1 -j DROP`;
		const timeout = 400;
		const progress = () => {
			// Longer than a try may take.
			stall(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeout * 0.6));
		};

		t.is(text(await probe(lab.network, one, {timeout, progress})), 'allowed');
	});
}

test.serial('wrong questions are refused', async t => {
	const lab = await labOf(t, pair());
	for (const [question, message] of [
		[{from: 'h1', to: 'h9'}, /There is no node "h9"/],
		[{from: 'h1', to: 'h2', tcp: 1, udp: 2}, /one of tcp, udp, sctp and protocol/],
		[{from: 'h1', to: 'h2', sport: 2}, /one of tcp, udp, sctp and protocol/],
		[{from: 'h1', to: 'h2', protocol: 6}, /Protocol 6 cannot be probed/],
		[{from: 'h1', to: 'h2', protocol: 256}, /Protocol 256 cannot be probed/],
		[{from: 'h1', to: 'h2', destination: 'nowhere'}, /not an address/],
	] as const) {
		await t.throwsAsync(probe(lab.network, question), {instanceOf: Error, message});
	}
});

test.serial('870 pairs of 30 hosts, one port, half of them blocked', async t => {
	const hosts = Array.from({length: 30}, (_, index) => `h${index + 1}`);
	const lab = await labOf(t, new Sketch(hosts.map((host, index) => `${host} 10.0.0.${index + 1}/24 -- s1`).join('\n')));
	await lab.run(...hosts.slice(0, 15).map(host => `${host} bind web`));
	const pairs = hosts.flatMap(from => hosts.filter(to => to !== from).map(to => ({from, to, tcp: 80})));
	const expected = pairs.map(({to}) => hosts.indexOf(to) < 15 ? 'blocked request' : 'allowed');
	let ms = Infinity;
	// The quickest of a few: what else this machine does makes it slower only.
	for (let time = 0; time < 5 && ms >= 3000 * patience; time++) {
		const began = performance.now();
		const results = await probeAll(lab.network, pairs);
		ms = performance.now() - began;
		t.deepEqual(results.map(text), expected);
	}

	t.true(ms < 3000 * patience, `${ms} ms`);
	t.log(`${pairs.length} probes in ${Math.round(ms)} ms`);
});

test.serial('an interrupted round ends, and leaves no socket behind', async t => {
	const lab = await labOf(t, pair());
	await lab.run('secrule add deny h1 to h2');
	await t.throwsAsync(probe(lab.network, {from: 'h1', to: 'h2', tcp: 80}, {signal: AbortSignal.timeout(50)}), {code: 'interrupted'});
	const socket = InetSocket.open(lab.node('h2').namespace, 4, 'stream');
	t.notThrows(() => {
		socket.bind({address: parseAddress('10.0.0.2'), port: 80});
	});
	socket.close();
});
