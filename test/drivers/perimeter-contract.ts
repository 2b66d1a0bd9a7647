/** What every perimeter driver does, on a real kernel: the same cases for iptables and for nftables. */
import {setTimeout} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {DeviceError, logGroup} from '../../lib/drivers/driver.ts';
import type {CompleteDriver} from '../../lib/drivers/driver.ts';
import {createPerimeterDriver} from '../../lib/drivers/iptables-perimeter.ts';
import {createNftablesDriver} from '../../lib/drivers/nftables-perimeter.ts';
import {startService} from '../../lib/kernel/daemon.ts';
import {deleteNamespaces} from '../../lib/kernel/namespace.ts';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';
import {Installed, asks, base, buildRouter, pingAnswer, pings, sends, sendsAck} from '../helpers/router.ts';

const drivers: Readonly<Record<string, (context: {readonly namespaceOf: () => Namespace}) => CompleteDriver<unknown>>> = {
	iptables: createPerimeterDriver,
	nftables: createNftablesDriver,
};
const [client4, server4, client6, server6] = ['10.0.1.1', '10.0.2.1', 'fd01::1', 'fd02::1'];
const isolationNone = {...base, isolation: 'none', domains: ['open:10.0.1.0/24 10.0.2.0/24 fd01::/64 fd02::/64']} satisfies Sketch;

// AVA takes no test after the first one that follows an await.
const stages = await Promise.all(Object.entries(drivers).map(async ([name, create]) => ({name, create, stage: await buildRouter()})));
test.after.always(() => {
	stages.forEach(({stage}) => {
		stage.down();
	});
});

for (const {name, create, stage: {client, router, server}} of stages) {
	const installed = new Installed(create({namespaceOf: () => router}));

	const rules = async (...sentences: readonly string[]) => installed.install({...base, rules: sentences});
	const scenario = (title: string, body: (t: ExecutionContext) => Promise<void>) => {
		test.serial(`${name}: ${title}`, async t => {
			await installed.install({...base, rules: []});
			await installed.cutAll();
			await body(t);
		});
	};

	scenario('nothing crosses until a rule says so, then exactly its direction, in both families', async t => {
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [false, false]);
		await rules('1: allow sg:web to sg:db');
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [true, true]);
		t.deepEqual([await pings(server, client4), await pings(server, client6)], [false, false]);
		t.true(await pings(server, '10.0.1.254'));
	});

	scenario('ports and protocols, both families: both edges pass, their neighbours do not', async t => {
		await rules('allow sg:web to sg:db tcp dport 80,90-92', 'allow sg:web to sg:db udp dport 1,3,5,7,9,11,13,15,17,19,21,23,25,27-28,30');
		for (const to of [server4, server6]) {
			const [inside, outside] = [[80, 90, 92], [79, 89, 93]].map(async ports => Promise.all(ports.map(async port => asks(client, 'tcp', to, port))));
			t.deepEqual([await inside, await outside], [['refused', 'refused', 'refused'], ['silence', 'silence', 'silence']], to);
			const [ones, others] = [[1, 28, 30], [2, 29]].map(async ports => Promise.all(ports.map(async port => asks(client, 'udp', to, port))));
			t.deepEqual([await ones, await others], [['refused', 'refused', 'refused'], ['silence', 'silence']], to);
			t.false(await pings(client, to));
		}
	});

	scenario('source ports', async t => {
		await rules('1: allow sg:web to sg:db udp sport 42-43 dport 7');
		for (const [sport, to, dport] of [[42, server4, 7], [43, server6, 7], [44, server4, 7], [42, server4, 8]] as const) {
			await sends(client, sport, to, dport);
		}

		t.is(await installed.hits(1), 2);
		t.deepEqual(await installed.connections(), [`udp ${client4} 42 ${server4} 7`, `udp ${client6} 43 ${server6} 7`]);
	});

	scenario('a type of ICMP', async t => {
		await rules('allow sg:web to sg:db icmp 8|128');
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [true, true]);
		await rules('allow sg:web to sg:db icmp 13|133');
		await installed.cutAll();
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [false, false]);
	});

	scenario('who is not in a set', async t => {
		await rules('1: deny !sg:db to sg:db icmp', '2: allow any to any');
		t.deepEqual([await pings(client, server4), await pings(server, client6)], [false, true]);
		await installed.install({...base, sets: {...base.sets, 'sg:db': '10.0.1.1 10.0.2.1 fd02::1'}, rules: ['1: deny !sg:db to sg:db icmp', '2: allow any to any']});
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [true, false]);
	});

	scenario('what is rejected is answered, what is denied is not', async t => {
		await rules('reject sg:web to sg:db');
		t.deepEqual([await asks(client, 'tcp', server4, 80), await asks(client, 'tcp', server6, 80)], ['refused', 'refused']);
		t.regex(await pingAnswer(client, server4), /Packet filtered/);
		t.regex(await pingAnswer(client, server6), /[Aa]dministratively prohibited/);
		await rules('deny sg:web to sg:db');
		t.deepEqual([await asks(client, 'tcp', server4, 80), await pingAnswer(client, server4)], ['silence', '']);
	});

	scenario('stateless: what a rule names passes, and no answer by itself', async t => {
		await rules('1: allow sg:web to sg:db icmp stateless');
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [false, false]);
		t.deepEqual(await installed.connections(), []);
		await rules('1: allow sg:web to sg:db icmp stateless', '2: allow sg:db to sg:web icmp');
		t.false(await pings(client, server4), 'a reply opens no connection');
		await rules('1: allow sg:web to sg:db icmp stateless', '2: allow sg:db to sg:web icmp stateless');
		t.deepEqual([await pings(client, server4), await pings(client, server6)], [true, true]);
		t.deepEqual(await installed.connections(), []);
		await rules('1: allow sg:web to sg:db tcp stateless', '2: allow sg:db to sg:web tcp stateless');
		t.is(await asks(client, 'tcp', server4, 80), 'refused');
	});

	scenario('an error about a packet makes no connection of it', async t => {
		await rules('1: allow sg:web to sg:db udp stateless', '2: allow sg:db to sg:web icmp');
		t.is(await asks(client, 'udp', server4, 9), 'silence');
		t.deepEqual(await installed.connections(), []);
		await rules('1: allow sg:web to sg:db udp stateless', '2: allow sg:db to sg:web icmp stateless');
		t.is(await asks(client, 'udp', server4, 9), 'refused');
	});

	scenario('hits of a rule go on while it stays, whatever else changes, and begin at 0 when it comes back', async t => {
		const others = Array.from({length: 40}, (_, index) => `${index + 10}: deny 192.0.2.${index} to any`);
		await rules('6: allow sg:web to sg:db');
		await pings(client, server4);
		// So many that the chains are written anew, whose lines begin at 0.
		await rules('6: allow sg:web to sg:db', ...others);
		t.is(await installed.hits(6), 1);
		await rules(...others);
		await rules('6: allow sg:web to sg:db', ...others);
		t.is(await installed.hits(6), 0);
	});

	scenario('a router of which nobody knows what it has gets the next policy, whatever it has', async t => {
		const {driver, device} = installed;
		const render = (sketch: Sketch) => driver.render(perimeterPlan(sketch), installed.state);
		const direction = async () => Promise.all([pings(client, server4), pings(client, server6), pings(server, client4), pings(server, client6)]);
		for (const has of ['old', 'new', 'nothing'] as const) {
			await rules('1: allow sg:web to sg:db');
			const old = installed.state;
			const [fresh, next] = [render({...base, sets: {...base.sets, 'sg:web': '10.0.1.7 fd01::1'}, rules: ['2: deny any to any', '3: allow sg:web to sg:db']}), render({...base, rules: ['4: allow sg:db to sg:web']})];
			await installed.change({old, new: fresh, nothing: driver.plain}[has]);
			const steps = [{device, previous: old, next, perhaps: [fresh, driver.plain]}, {device, previous: next, next: driver.plain, perhaps: [old]}, {device, previous: old, next: driver.plain, perhaps: [driver.plain]}];
			for (const [index, step] of steps.entries()) {
				await driver.check(step);
				await driver.apply(step);
				installed.state = step.next;
				t.deepEqual(await direction(), index === 0 ? [false, false, true, true] : [true, true, true, true], `${has}, step ${index}`);
				t.true((await installed.lines()).every(({sentence}) => sentence !== undefined));
				await installed.cutAll();
			}
		}
	});

	scenario('a connection that is made against the direction of its first packet is told as judged, and cut', async t => {
		await rules('1: allow sg:web to sg:db udp stateless', '2: allow sg:db to sg:web udp');
		await sends(client, 5000, server4, 6000);
		t.deepEqual(await installed.connections(), []);
		await sends(server, 6000, client4, 5000);
		t.deepEqual(await installed.connections(), [`udp ${server4} 6000 ${client4} 5000`]);
		await installed.cutAll();
		t.deepEqual(await installed.connections(), []);
	});

	scenario('TCP that opens no connection meets deny and stateless rules, and the default makes none of it', async t => {
		const middle = async () => {
			sendsAck(client, client4, server4);
			await setTimeout(50);
		};

		await rules('1: allow sg:web to sg:db');
		await middle();
		t.is(await installed.hits(1), 0);
		await rules('2: deny sg:web to sg:db tcp', '1: allow sg:web to sg:db');
		await middle();
		t.is(await installed.hits(2), 1);
		await rules('3: allow sg:web to sg:db tcp stateless');
		await middle();
		t.is(await installed.hits(3), 1);
		await installed.install({...isolationNone, rules: []});
		await middle();
		t.is(await installed.packets(/^permitted, opens no connection$/), 2, 'the segment, and the reset that answers it');
		t.deepEqual(await installed.connections(), []);
	});

	scenario('a rate: the burst passes, the rest is dropped and counts as no hit', async t => {
		await rules('1: allow sg:web to sg:db udp rate 1 5', '2: allow any to any');
		await sends(client, 1000, server4, ...Array.from({length: 12}, (_, index) => index + 1));
		const hits = await installed.hits(1);
		t.true(hits >= 5 && hits <= 7, `${hits}`);
		t.is(await installed.packets(/^over the rate: /), 12 - hits);
		t.is(await installed.hits(2), 0);
	});

	scenario('a log: the first packet of a connection, every packet of what is denied', async t => {
		await rules('4: allow sg:web to sg:db udp log', '5: deny sg:web to sg:db tcp log');
		const tcpdump = await startService(['bash', '-c', `exec tcpdump --immediate-mode -lnvv -i nflog:${logGroup} 2>&1`], /listening/, {namespace: router});
		await sends(client, 5000, server4, 6000, 6000, 6000);
		await asks(client, 'tcp', server6, 80);
		tcpdump.stop('SIGINT');
		const {stdout} = await tcpdump.ended;
		t.is([...stdout.matchAll(/ > 10\.0\.2\.1\.6000: /g)].length, 1, stdout);
		t.regex(stdout, /fd02::1\.(80|http): /);
		t.deepEqual([await installed.hits(4), await installed.packets(/^logged: allow /)], [1, 1]);
	});

	scenario('the error that belongs to an allowed connection comes back', async t => {
		await rules('allow sg:web to sg:db');
		t.deepEqual([await asks(client, 'udp', server4, 9), await asks(client, 'udp', server6, 9)], ['refused', 'refused']);
	});

	scenario('hits: first packets of connections, kept when rules around them change', async t => {
		await rules('5: allow sg:web to sg:db');
		const before = await installed.hits(5);
		await run(['ping', '-c', '3', '-i', '0.01', server4], {namespace: client});
		await pings(client, server6);
		t.is(await installed.hits(5), before + 2);
		await rules('4: deny any to 10.0.2.9', '5: allow sg:web to sg:db');
		t.is(await installed.hits(5), before + 2);
		await rules('5: allow sg:web to sg:db', '6: allow 10.0.2.1,10.0.2.2 to any log rate 5 5');
		t.is(await installed.hits(5), before + 2);
	});

	scenario('connections are found and cut', async t => {
		await rules('allow sg:web to sg:db');
		await pings(client, server4);
		await pings(client, server6);
		t.deepEqual(await installed.connections(), [`icmp ${client4} ${server4}`, `icmpv6 ${client6} ${server6}`]);
		await installed.cutAll();
		t.deepEqual(await installed.connections(), []);
	});

	scenario('a ping that all policies allow loses nothing while they change', async t => {
		const policies: Sketch[] = [
			{...base, rules: ['1: allow sg:web to sg:db stateless', '2: allow sg:db to sg:web stateless']},
			{...base, sets: {'sg:db': '10.0.0.0/16', 'sg:web': '10.0.0.0/16 fd01::/64'}, rules: ['3: allow sg:web to sg:db stateless', '4: deny any to !sg:db']},
		];
		await installed.install(policies[0] ?? base);
		const ping = run(['ping', '-q', '-i', '0.002', '-c', '400', server4], {namespace: client});
		for (let change = 1; change <= 12; change++) {
			await installed.install(policies[change % 2] ?? base);
		}

		t.regex((await ping).stdout, /400 received/);
	});

	scenario('lists its lines with their sentences', async t => {
		await rules('7: reject sg:web to sg:db udp dport 53 log', '8: allow any to any rate 3 5');
		const lines = await installed.lines();
		t.deepEqual(lines.filter(({sentence}) => sentence === undefined), []);
		t.is(lines.filter(({rule}) => rule === 7).length, 2);
		t.true(lines.some(({text, sentence}) => text.includes('53') && sentence === 'reject sg:web to sg:db udp dport 53 log'));
	});

	scenario('the same again changes nothing', async t => {
		const sketch = {...base, rules: ['1: allow sg:web to !sg:db udp dport 53,54 log rate 3 5', '2: reject 10.0.1.1,10.0.1.2,fd01::1 to any stateless']};
		await installed.install(sketch);
		t.false(installed.driver.differs(installed.state, installed.driver.render(perimeterPlan(sketch), installed.state)));
		t.true(installed.driver.differs(installed.state, installed.driver.render(perimeterPlan({...sketch, rules: sketch.rules.slice(1)}), installed.state)));
	});

	test.serial(`${name}: the way back lets everything pass again`, async t => {
		await rules('1: deny any to any');
		await installed.change(installed.driver.plain);
		t.deepEqual([await pings(client, server4), await pings(server, client6)], [true, true]);
		t.deepEqual((await installed.lines()).filter(({text}) => /PFW/.test(text)), []);
		await rules('1: allow sg:web to sg:db');
		t.deepEqual([await pings(client, server4), await pings(server, client6)], [true, false]);
	});

	test.serial(`${name}: rules of others are found before the first change of a router, and named`, async t => {
		const namespaces = testNamespaces('foreign') as [Namespace];
		const [foreign] = namespaces;
		try {
			await run(['iptables-legacy', '-A', 'FORWARD', '-s', '192.0.2.1', '-j', 'DROP'], {namespace: foreign});
			const fresh = new Installed(create({namespaceOf: () => foreign}));
			const error = await t.throwsAsync(fresh.install(base), {instanceOf: DeviceError});
			t.regex(error.message, /^fw refuses the policy; nothing has changed\. .*-A FORWARD -s 192\.0\.2\.1\/32 -j DROP/);
			await run(['iptables-legacy', '-F', 'FORWARD'], {namespace: foreign});
			await t.notThrowsAsync(fresh.install(base));
		} finally {
			deleteNamespaces(namespaces);
		}
	});
}
