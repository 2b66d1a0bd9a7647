/** What rules with `log` decide is told, by every device that decides it, as it happens. */
import test from 'ava';
import type {LogReport} from '../../lib/drivers/driver.ts';
import {LogWatch} from '../../lib/drivers/log.ts';
import {packetIn, packetLine} from '../../lib/drivers/packet-line.ts';
import {type Lab, type LogEntry, probe} from '../../lib/index.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {eventually} from '../helpers/eventually.ts';
import {framesOf, icmpMessage, tcpSegment, udpDatagram} from '../helpers/dummy-frames.ts';
import {compiled, switchPlan} from '../helpers/plans.ts';
import {quietFor} from '../helpers/quiet.ts';
import {labOf} from '../helpers/scenario.ts';
import SecureNet from '../../topologies/securenet.ts';

const macs = ['02:00:00:00:00:01', '02:00:00:00:00:02'] as const;
const four = {macs, addresses: ['10.0.0.1', '10.0.0.2']} as const;
const six = {macs, addresses: ['fd00::1', 'fd00::2']} as const;
const lines = (frames: readonly string[]) => frames.map(frame => packetLine(packetIn(Buffer.from(frame, 'hex'))));

test('packets in one line', t => {
	t.deepEqual(lines(framesOf(tcpSegment(four, [1024, 80], 2))), ['tcp 10.0.0.1:1024 > 10.0.0.2:80']);
	t.deepEqual(lines(framesOf(icmpMessage(four, [3, 1], Buffer.alloc(8)))), ['icmp 10.0.0.1 > 10.0.0.2 type 3 code 1']);
	t.deepEqual(lines(framesOf(udpDatagram(four, [1024, 53], 24), [16])), ['udp 10.0.0.1:1024 > 10.0.0.2:53', 'udp 10.0.0.1 > 10.0.0.2']);
	t.deepEqual(lines(framesOf(udpDatagram(six, [1024, 53], 24), [16])), ['udp [fd00::1]:1024 > [fd00::2]:53', 'udp fd00::1 > fd00::2']);
	t.deepEqual(lines(framesOf({...four, protocol: 253, payload: Buffer.alloc(8)})), ['proto 253 10.0.0.1 > 10.0.0.2']);
	const endless = Buffer.alloc(1 << 20);
	endless[0] = 0x60;
	t.is(packetLine(endless), 'proto 0 :: > ::', 'a header behind the other');
	t.is(packetLine(Buffer.alloc(3)), 'not an IP packet');
	t.is(packetLine(Buffer.alloc(60)), 'not an IP packet');
});

/** A driver whose devices say nothing by themselves; those of `deaf` cannot be listened to. */
function listening(deaf: readonly string[] = []) {
	const open = new Map<string, (report: LogReport) => void>();
	const watchLog = async (device: string, listener: (report: LogReport) => void) => {
		if (deaf.includes(device)) {
			throw new Error(`${device} is deaf`);
		}

		await Promise.resolve();
		open.set(device, listener);
		return () => {
			open.delete(device);
		};
	};

	return {open, driver: {watchLog}};
}

const policy = (rules: Readonly<Record<string, string>>) => compiled(...Object.entries(rules).map(([device, rule]) => switchPlan({device, rules: [rule]})));
const nothing = async () => Promise.resolve();

test('a device that cannot be listened to refuses the change; no other is listened to for it', async t => {
	const {open, driver} = listening(['s1']);
	const log = new LogWatch(() => driver, () => undefined);
	await t.throwsAsync(log.during(policy({s1: '1: allow any to any log', s2: '1: allow any to any log', s3: '2: deny any to any'}), nothing), {message: 's1 is deaf'});
	t.deepEqual([...open.keys()], []);
});

test('a change that fails is listened to no longer, and what was there is listened to on', async t => {
	const {open, driver} = listening();
	const log = new LogWatch(() => driver, () => undefined);
	await log.during(policy({s1: '1: allow any to any log', s2: '2: deny any to any'}), nothing);
	const failing = log.during(policy({s1: '2: deny any to any', s2: '3: allow any to any log'}), async () => {
		t.deepEqual([...open.keys()], ['s1', 's2']);
		return Promise.reject(new Error('no'));
	});
	await t.throwsAsync(failing, {message: 'no'});
	t.deepEqual([...open.keys()], ['s1']);
	log.close();
	t.deepEqual([...open.keys()], []);
});

test('a packet of the policy before is told with its sentence, one of an earlier policy is nobody\'s', async t => {
	const {open, driver} = listening();
	const told: string[] = [];
	const log = new LogWatch(() => driver, ({rule, sentence}) => told.push(`${rule} ${sentence}`));
	await log.during(policy({s1: '1: allow any to any log'}), nothing);
	await log.during(policy({s1: '2: deny any to any log'}), nothing);
	open.get('s1')?.({rule: 1, packet: Buffer.alloc(20)});
	await log.during(policy({s1: '3: reject any to any log'}), nothing);
	open.get('s1')?.({rule: 1, packet: Buffer.alloc(20)});
	t.deepEqual(told, ['1 allow any to any log', '1 ']);
});

test('another driver of a device is listened to instead', async t => {
	const [old, fresh] = [listening(), listening()];
	let {driver} = old;
	const log = new LogWatch(() => driver, () => undefined);
	await log.during(policy({s1: '1: allow any to any log'}), nothing);
	({driver} = fresh);
	await log.during(policy({s1: '1: allow any to any log'}), nothing);
	t.deepEqual([[...old.open.keys()], [...fresh.open.keys()]], [[], ['s1']]);
});

test('an exchange that is refused is listened to by the old driver again, also when one cannot stop', async t => {
	const [old, fresh] = [listening(), listening()];
	const warned = new Promise<Error>(resolve => {
		process.once('warning', resolve);
	});
	let driver: typeof old.driver = old.driver;
	const log = new LogWatch(() => driver, () => undefined);
	await log.during(policy({s1: '1: allow any to any log'}), nothing);
	driver = {
		async watchLog(device, listener) {
			const stop = await fresh.driver.watchLog(device, listener);
			return () => {
				stop();
				throw new Error('stuck');
			};
		},
	};
	await t.throwsAsync(log.during(policy({s1: '1: allow any to any log'}), async () => {
		t.deepEqual([[...old.open.keys()], [...fresh.open.keys()]], [[], ['s1']]);
		return Promise.reject(new Error('no'));
	}), {message: 'no'});
	t.deepEqual([[...old.open.keys()], [...fresh.open.keys()]], [['s1'], []]);
	t.is((await warned).message, 'What rules with log decide may not be told: stuck');
});

/** What is told while the work goes on and after it: as many as that at least, and more where more comes. */
async function told(lab: Lab, least: number, work: () => Promise<unknown>): Promise<string[]> {
	const entries: LogEntry[] = [];
	const listener = (entry: LogEntry) => entries.push(entry);
	lab.on('log', listener);
	await work();
	await eventually(() => entries.length >= least);
	await quietFor(300);
	lab.off('log', listener);
	return entries.map(({device, rule, text, packet}) => `${device} ${rule} ${text} ${packet}`).sort();
}

test.serial('an allowed connection is told once by each device, a denied packet by the first', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind web', 'h20 bind db', 'secrule add allow web to db tcp dport 80 log "hello"', 'secrule add deny h11 to db udp dport 53 log');
	const allowed = await told(lab, 3, async () => probe(lab.network, {from: 'h10', to: 'h20', tcp: 80, sport: 4000}));
	t.deepEqual(allowed, ['fw', 's1', 's2'].map(device => `${device} 1 hello tcp 10.0.10.10:4000 > 10.0.20.20:80`));
	const denied = await told(lab, 2, async () => probe(lab.network, {from: 'h11', to: 'h20', udp: 53, sport: 4000}, {timeout: 400}));
	t.deepEqual([...new Set(denied)], ['s1 2  udp 10.0.10.11:4000 > 10.0.20.20:53']);
	t.is(denied.length, 2);
});

test.serial('a firewall tells what it decides; nothing is told of rules that log no more', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h20 bind db', 'secrule add reject any to db tcp log "no"', 'secrule add allow any to db udp log');
	const entries: LogEntry[] = [];
	lab.on('log', entry => entries.push(entry));
	const rejected = await told(lab, 2, async () => probe(lab.network, {from: 'h10', to: 'h20', tcp: 80, sport: 4000}));
	t.deepEqual([...new Set(rejected)], ['fw 1 no tcp 10.0.10.10:4000 > 10.0.20.20:80', 's1 1 no tcp 10.0.10.10:4000 > 10.0.20.20:80']);
	t.is(entries[0]?.sentence, 'reject any to db tcp log "no"');
	await lab.run('secrule clear', 'secrule add allow any to db udp');
	t.deepEqual(await told(lab, 0, async () => probe(lab.network, {from: 'h10', to: 'h20', udp: 53})), []);
	await lab.run('secrule add allow any to db udp dport 54 log before 3');
	const again = await told(lab, 3, async () => probe(lab.network, {from: 'h10', to: 'h20', udp: 54, sport: 4001}));
	t.deepEqual(again, ['fw', 's1', 's2'].map(device => `${device} 4  udp 10.0.10.10:4001 > 10.0.20.20:54`));
});

test.serial('bridges share a namespace, and each tells its own', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- b1\nfw1 10.0.1.254/24 -- b1\nfw1 10.0.2.254/24 -- b2\nh2 10.0.2.2/24 -- b2\nh3 10.0.2.3/24 -- b2'), {firewalls: ['nftables-bridge', 'nftables-perimeter']});
	await lab.run('h2 bind db', 'secrule add allow any to db tcp log');
	const across = await told(lab, 3, async () => probe(lab.network, {from: 'h1', to: 'h2', tcp: 80, sport: 4000}));
	t.deepEqual(across, ['b1', 'b2', 'fw1'].map(device => `${device} 1  tcp 10.0.1.1:4000 > 10.0.2.2:80`));
	const within = await told(lab, 1, async () => probe(lab.network, {from: 'h3', to: 'h2', tcp: 80, sport: 4000}));
	t.deepEqual(within, ['b2 1  tcp 10.0.2.3:4000 > 10.0.2.2:80']);
	await lab.run('secrule clear');
	t.deepEqual(await told(lab, 0, async () => probe(lab.network, {from: 'h1', to: 'h2', tcp: 80}, {timeout: 300})), []);
});
