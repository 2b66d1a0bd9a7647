/** Connections to a real switch: heard again after they are lost, and not kept for who does not need them. */
import {readdirSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import type {LogReport} from '../../lib/drivers/driver.ts';
import {createOpenflowDriver} from '../../lib/drivers/openflow.ts';
import {Switches} from '../../lib/drivers/openflow-switches.ts';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import {packetsOut} from '../../lib/kernel/openflow.ts';
import {bundle} from '../helpers/bundle.ts';
import {framesOf, udpDatagram} from '../helpers/dummy-frames.ts';
import {FlowOracle} from '../helpers/flow-oracle.ts';
import {longPatience} from '../helpers/patience.ts';
import {compiled, switchPlan} from '../helpers/plans.ts';

const oracle = await FlowOracle.start();
test.after.always(async () => oracle.stop());

const [frame = ''] = framesOf(udpDatagram({macs: ['02:00:00:00:00:01', '02:00:00:00:00:02'], addresses: ['10.0.0.1', '10.0.0.2']}, [1024, 53], 20));

/** Sends packets to the flow that reports until one is told. */
async function isTold(reports: readonly LogReport[]): Promise<boolean> {
	const before = reports.length;
	for (const end = performance.now() + longPatience; reports.length === before && performance.now() < end;) {
		await packetsOut(oracle.bridge, [{bytes: Buffer.from(frame, 'hex'), actions: 'resubmit(,5)'}]);
		await sleep(20);
	}

	return reports.length > before;
}

test.serial('a connection that is lost is opened again for who listens, and for nobody else', async t => {
	await bundle(oracle.bridge, [`add table=5,cookie=0x${(7n << 44n).toString(16)},udp actions=controller:64`]);
	const switches = new Switches(() => oracle.bridge);
	const reports: LogReport[] = [];
	const stop = await switches.listen('s1', report => reports.push(report));
	t.true(await isTold(reports));
	for (let drop = 0; drop < 3; drop++) {
		(await switches.to('s1')).close();
		t.true(await isTold(reports));
	}

	t.true(reports.every(({rule}) => rule === 7));
	const last = await switches.to('s1');
	t.is(await switches.to('s1'), last);
	stop();
	switches.close('s1');
	t.not(await switches.to('s1'), last);
	switches.close('s1');
});

test.serial('drivers that are replaced keep nothing open', async t => {
	const files = () => readdirSync('/proc/self/fd').length;
	let driver = createOpenflowDriver(oracle.bridge);
	const firewall = new Firewall(() => driver);
	const policy = compiled(switchPlan({}));
	const exchange = async (times: number) => {
		for (let change = 0; change < times; change++) {
			driver = createOpenflowDriver(oracle.bridge);
			await firewall.apply(policy);
			await firewall.retire();
		}
	};

	await exchange(5);
	const before = files();
	await exchange(200);
	t.true(files() <= before + 2, `${before} > ${files()}`);
	firewall.close();
});
