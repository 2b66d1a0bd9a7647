/** Hits on real packets, of every driver: whatever changes between, is refused and put back, or changes places, each first packet counts once. */
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {DeviceError, type FirewallDriver} from '../../lib/drivers/driver.ts';
import {type DriverFactory, standardDrivers} from '../../lib/drivers/factory.ts';
import type {Lab} from '../../lib/index.ts';
import {InetSocket} from '../../lib/kernel/inet-socket.ts';
import type {FirewallName} from '../../lib/topology/firewalls.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {longPatience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

const changes = 25;

/** Rules by name: no packet matches two of them. Their ports tell the packets of each. */
const rules = {
	tracked: {sentence: 'allow h1 to h2 udp dport 1001', port: 1001},
	single: {sentence: 'allow h1 to h2 udp dport 1002 stateless', port: 1002},
	ofgroup: {sentence: 'allow web to h2 udp dport 1003', port: 1003},
	ofset: {sentence: 'allow near to db udp dport 1004', port: 1004},
	ofservice: {sentence: 'allow h1 to h2 service app', port: 1005},
	logging: {sentence: 'allow h1 to h2 udp dport 1006 log', port: 1006},
	limiting: {sentence: 'allow h1 to h2 udp dport 1007 rate 1000/s burst 1000', port: 1007},
	denying: {sentence: 'deny h1 to h2 udp dport 1008', port: 1008},
	rejecting: {sentence: 'reject web to h2 udp dport 1009', port: 1009},
} as const;
type Name = keyof typeof rules;
const names = Object.keys(rules) as Name[];

/** Changes that leave hits as they are. A line that changes nothing, or is refused by the policy itself, is one too. */
const others = [
	'h3 bind web', 'h3 unbind web', 'h3 bind db', 'h3 unbind db', 'secrule ipg add near 10.7.0.0/16 10.9.9.9', 'secrule ipg del near 10.7.0.0/16 10.9.9.9', 'secrule service add app udp/2000-2010', 'secrule service add app tcp/80',
	'secrule add deny h3 to h1 prio 1', 'secrule add allow not near to db tcp',
] as const;

type Deed = {
	readonly kind: 'add' | 'del' | 'move' | 'line' | 'reset' | 'exchange';
	readonly rule: Name;
	readonly beside: Name;
	readonly line: string;
	/** Whether a device refuses when others have changed, so that they are put back. */
	readonly refused: boolean;
	/** Packets for each rule behind it. */
	readonly packets: readonly number[];
};

const deed: fc.Arbitrary<Deed> = fc.record({
	kind: fc.constantFrom('add', 'add', 'del', 'del', 'move', 'line', 'line', 'reset', 'exchange'),
	rule: fc.constantFrom(...names),
	beside: fc.constantFrom(...names),
	line: fc.constantFrom(...others),
	refused: fc.integer({min: 0, max: 2}).map(number => number === 0),
	packets: fc.array(fc.integer({min: 0, max: 3}), {minLength: names.length, maxLength: names.length}),
});

const atSwitch = (letter: string) => `h1 10.0.0.1/24 -- ${letter}1\nh2 10.0.0.2/24 -- ${letter}1\nh3 10.0.0.3/24 -- ${letter}1\nh9 10.9.0.9/24 -- s9`;
const atFirewall = 'h1 10.0.1.1/24 -- fw 10.0.1.254/24\nh2 10.0.2.1/24 -- fw 10.0.2.254/24\nh3 10.0.3.1/24 -- fw 10.0.3.254/24\nh9 10.9.0.9/24 -- s9';

/** `other`: another driver that gives way to it and comes back. */
const drivers: ReadonlyArray<{readonly name: FirewallName; readonly other?: FirewallName; readonly network: string; readonly device: string}> = [
	{name: 'openflow', other: 'fwaas', network: atSwitch('s'), device: 's1'},
	{name: 'sg', network: atSwitch('s'), device: 's1'},
	{name: 'both', other: 'openflow', network: atSwitch('s'), device: 's1'},
	{name: 'iptables-perimeter', other: 'nftables-perimeter', network: atFirewall, device: 'fw'},
	{name: 'nftables-perimeter', network: atFirewall, device: 'fw'},
	{name: 'nftables-bridge', network: atSwitch('b'), device: 'b1'},
];

/** Another device of the lab, which refuses what it is told to when all others have changed. */
class Refusing {
	refuses = false;
	readonly create: DriverFactory = context => {
		const driver: FirewallDriver<unknown> = standardDrivers.switch(context);
		return {
			...driver,
			differs: (previous, next) => this.refuses || driver.differs(previous, next),
			apply: async step => this.refuses ? Promise.reject(new DeviceError(step.device, undefined, new Error('no'))) : driver.apply(step),
		};
	};
}

class Scene {
	readonly #lab: Lab;
	readonly #to;
	readonly #expected = new Map<Name, number>();
	/** No connection is of a packet that came before. */
	#port = 10_000;

	constructor(lab: Lab) {
		this.#lab = lab;
		this.#to = parseAddress(lab.node('h2').address ?? '');
	}

	send(packets: readonly number[]): void {
		for (const [index, name] of names.entries()) {
			for (let number = 0; number < (packets[index] ?? 0); number++) {
				const socket = InetSocket.open(this.#lab.node('h1').namespace, 4, 'datagram');
				socket.bind({address: {...this.#to, value: 0n}, port: this.#port++});
				socket.sendTo(Buffer.from('x'), {address: this.#to, port: rules[name].port});
				socket.close();
			}

			if (this.idOf(name) !== undefined) {
				this.#expected.set(name, (this.#expected.get(name) ?? 0) + (packets[index] ?? 0));
			}
		}
	}

	/** A switch counts a little later what has passed. */
	async counts(t: ExecutionContext, after: string): Promise<void> {
		const told = async () => {
			const hits = await this.#lab.hits();
			return Object.fromEntries(names.map(name => [name, hits.get(this.idOf(name) ?? 0)]));
		};
		const expected = Object.fromEntries(names.map(name => [name, this.idOf(name) === undefined ? undefined : this.#expected.get(name) ?? 0]));
		const isAs = (now: typeof expected) => names.every(name => now[name] === expected[name]);
		const end = performance.now() + (longPatience / 10);
		let now = await told();
		while (!isAs(now) && performance.now() < end) {
			await sleep(20);
			now = await told();
		}

		t.deepEqual(now, expected, after);
	}

	/** @returns whether there was anything to do */
	async take({kind, rule, beside, line}: Deed, exchange: () => Promise<unknown>): Promise<void> {
		const id = this.idOf(rule);
		const before = this.idOf(beside) === undefined ? '' : ` before ${beside}`;
		if (kind === 'add' && id === undefined) {
			await this.#lab.run(`secrule add ${rules[rule].sentence}${before} name ${rule}`);
		} else if (kind === 'del' && id !== undefined) {
			await this.#lab.run(`secrule del ${rule}`);
		} else if (kind === 'move' && id !== undefined && before !== '' && beside !== rule) {
			await this.#lab.run(`secrule move ${rule}${before}`);
		} else if (kind === 'line') {
			await this.#lab.run(`-${line}`);
		} else if (kind === 'exchange') {
			await exchange();
		}
	}

	async reset(): Promise<void> {
		await this.#lab.resetHits();
		this.#expected.clear();
	}

	forgetGone(): void {
		names.filter(name => this.idOf(name) === undefined).forEach(name => this.#expected.delete(name));
	}

	idOf(name: Name): number | undefined {
		return this.#lab.policy.rules.find(rule => rule.name === name)?.id;
	}
}

for (const {name, other, network, device} of drivers) {
	test.serial(`${name}: each first packet counts once`, async t => {
		t.timeout(longPatience * 4);
		const refusing = new Refusing();
		const lab = await labOf(t, new Sketch(network), {arp: true, firewalls: [name]});
		await lab.setFirewall(refusing.create, ['s9']);
		await lab.run('h1 bind web', 'h2 bind db', 'secrule ipg add near 10.0.0.0/16', 'secrule service add app udp/1005');
		// Security groups only allow.
		const known = names.filter(each => name !== 'sg' || !rules[each].sentence.match(/^(?:deny|reject)/));
		await lab.run(...known.map(each => `secrule add ${rules[each].sentence} name ${each}`));
		const scene = new Scene(lab);
		scene.send(names.map(() => 2));
		// What a switch has not counted yet when a change begins, it counts for nobody.
		await scene.counts(t, 'at first');
		const seed = Date.now() & 0xFF_FF_FF;
		t.log(`seed ${seed}`);
		let isOther = false;
		for (const [index, each] of fc.sample(deed, {numRuns: changes, seed}).entries()) {
			if (!known.includes(each.rule)) {
				continue;
			}

			if (each.kind === 'reset') {
				await scene.reset();
			} else {
				refusing.refuses = each.refused;
				const exchange = async () => other && lab.setFirewall(isOther ? name : other, [device]);
				const policy = lab.policy;
				try {
					await scene.take(each, exchange);
					isOther = each.kind === 'exchange' ? !isOther : isOther;
				} catch (error) {
					t.true(each.refused, String(error));
					t.is(lab.policy, policy);
				}

				refusing.refuses = false;
				scene.forgetGone();
			}

			await scene.counts(t, `seed ${seed}, ${index}: ${JSON.stringify(each)}`);
			scene.send(each.packets);
			await scene.counts(t, `seed ${seed}, packets after ${index}: ${JSON.stringify(each)}`);
		}
	});
}
