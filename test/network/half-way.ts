/** When up fails half way, with switches, links and daemons already there, it undoes itself and says which object failed and why. */
import {existsSync} from 'node:fs';
import test from 'ava';
import {Lab, type LabOptions, type Topology} from '../../lib/index.ts';
import {createPerimeterDriver} from '../../lib/drivers/iptables-perimeter.ts';
import {DeviceError, type FirewallDriver} from '../../lib/drivers/driver.ts';
import {namespacePath} from '../../lib/kernel/namespace.ts';
import {nodeNamespace} from '../../lib/network/paths.ts';
import type {RouterOptions, StationOptions} from '../../lib/topology/specs.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';
import {sketch} from '../helpers/sketch.ts';

type Failure = {
	readonly router?: RouterOptions;
	readonly end?: StationOptions;
	/** What the lab is brought up with. It looks at what is there when it is asked to. */
	readonly lab: (look: () => void) => LabOptions;
	readonly message: RegExp;
	/** The least that has been made by then. */
	readonly there: {readonly hosts: boolean; readonly daemons?: number};
};

function network({router = {}, end = {}}: Failure): Topology {
	return sketch(topology => {
		const [s1, s2] = [topology.addSwitch('s1'), topology.addSwitch('s2')];
		const fw = topology.addRouter('fw', router);
		topology.addLink(topology.addHost('h1', {ip: '10.1.0.1/24'}), s1);
		topology.addLink(topology.addHost('h2', {ip: '10.2.0.1/24'}), s2);
		topology.addLink(fw.interface({ip: '10.1.0.254/24'}), s1);
		topology.addLink(fw.interface({ip: '10.2.0.254/24', ...end}), s2);
	});
}

const failures: Readonly<Record<string, Failure>> = {
	'a setting that the kernel has not': {
		end: {sysctls: {'ipv4/forwrading': 1}},
		lab: look => ({progress: look}),
		message: /^fw: This kernel has no setting net\/ipv4\/conf\/fw-eth1\/forwrading in a network namespace\. Did you mean .*\/forwarding/,
		there: {hosts: true},
	},
	'a firewall that takes no policy': {
		router: {perimeter: true},
		lab: look => ({drivers: {perimeter(context) {
			const driver: FirewallDriver<unknown> = createPerimeterDriver(context);
			driver.apply = () => {
				look();
				return Promise.reject(new DeviceError('fw', undefined, new Error('Out of memory.')));
			};
			return driver;
		}}}),
		message: /^fw refuses the policy; nothing has changed\. Out of memory\.$/,
		there: {hosts: true, daemons: 2},
	},
};

for (const [what, failure] of Object.entries(failures)) {
	test.serial(`when up fails half way at ${what}, it says so and takes everything back`, async t => {
		const name = uniqueName();
		const before = await machine(name);
		let there = {hosts: false, daemons: 0};
		const look = () => {
			there = {hosts: existsSync(namespacePath(nodeNamespace(name, 'h1'))), daemons: daemonsOf(name).length};
		};
		await t.throwsAsync(Lab.up(network(failure), {name, ...failure.lab(look)}), {message: failure.message});
		t.like(there, failure.there);
		t.deepEqual(await machine(name), before);
		t.deepEqual(daemonsOf(name), []);
	});
}
