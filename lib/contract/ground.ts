/** The networks of the contract: four hosts at one enforcement point. */
import {Topology} from '../topology/topology.ts';
import type {HostOptions} from '../topology/specs.ts';
import type {Kind} from './case.ts';

export type Ground = {
	readonly kind: Kind;
	/** Options of hosts, by name. */
	readonly hosts: Readonly<Record<string, HostOptions>>;
	/** A second switch with h5, which has the MAC address of h1, and h6. */
	readonly twin: boolean;
};

/** The enforcement point. */
export const device = {switch: 's1', bridge: 's1', perimeter: 'fw'} as const;

const count = 4;

/**
For a driver of switches or bridges all hosts are on one switch and in one subnet; for one of perimeter firewalls each has a subnet of its own:

	h1 10.0.0.1 fd00::1 ── s1 ── h2 10.0.0.2 …        h1 10.0.1.1 fd00:0:0:1::1 ── fw ── h2 10.0.2.1 …
*/
export class ContractGround extends Topology {
	override readonly name = 'contract';
	readonly #ground: Ground;

	constructor(ground: Ground) {
		super();
		this.#ground = ground;
	}

	override build(): void {
		if (this.#ground.kind === 'perimeter') {
			this.#aroundFirewall();
			return;
		}

		this.#aroundSwitch(device.switch, 1, count);
		if (this.#ground.twin) {
			this.#aroundSwitch('s2', count + 1, count + 2);
		}
	}

	#aroundSwitch(name: string, first: number, last: number): void {
		const between = this.#ground.kind === 'bridge' ? this.addBridge(name, {firewall: 'nftables-bridge'}) : this.addSwitch(name);
		for (let number = first; number <= last; number++) {
			this.addLink(this.addHost(`h${number}`, {
				ip: [`10.0.0.${number}/24`, `fd00::${number}/64`],
				mac: number === count + 1 ? macOf(1) : macOf(number),
				...this.#ground.hosts[`h${number}`],
			}), between);
		}
	}

	#aroundFirewall(): void {
		const firewall = this.addRouter(device.perimeter, {perimeter: true});
		for (let number = 1; number <= count; number++) {
			const host = this.addHost(`h${number}`, {ip: [`10.0.${number}.1/24`, `fd00:0:0:${number}::1/64`], mac: macOf(number), ...this.#ground.hosts[`h${number}`]});
			this.addLink(host, firewall.interface({ip: [`10.0.${number}.254/24`, `fd00:0:0:${number}::fe/64`]}));
		}
	}
}

function macOf(number: number): string {
	return `02:00:00:00:00:0${number}`;
}
