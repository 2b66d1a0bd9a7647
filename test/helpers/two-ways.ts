/** Two sites of one subnet for tests, a tunnel between their routers, and beneath it two ways, of which one is longer. */
import type {Lab} from '../../lib/index.ts';
import type {TunnelOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {longPatience, patience} from './patience.ts';
import {sketch} from './sketch.ts';

/** Keep-alives that find out within two seconds, of a machine that answers in time. */
export const quick = {interval: Math.ceil(patience), count: 2};

/**
Two hosts of one subnet, each behind a router; the routers have two ways to each other, by `hop` and by two spare ones, of which they take the first one.

	h1 20.0.0.1 -- r1 1.0.0.1 -- 1.0.0.254 hop 1.0.1.254 -- 1.0.1.2 r2 -- 20.0.0.3 h3
	               r1 1.0.2.1 -- 1.0.2.254 spare1 1.0.3.1 -- 1.0.3.2 spare2 1.0.4.254 -- 1.0.4.2 r2
*/
export function twoWays(options: TunnelOptions): Topology {
	return sketch(t => {
		const [r1, r2, hop, spare1, spare2] = [
			t.addRouter('r1', {proxyArp: true, routes: [{to: '1.0.1.0/24', via: '1.0.0.254'}, {to: '20.0.0.1', interface: 'r1-eth0'}, {to: '20.0.0.3', via: '10.9.0.2'}]}),
			t.addRouter('r2', {proxyArp: true, routes: [{to: '1.0.0.0/24', via: '1.0.1.254'}, {to: '20.0.0.3', interface: 'r2-eth0'}, {to: '20.0.0.1', via: '10.9.0.1'}]}),
			t.addRouter('hop'),
			t.addRouter('spare1', {routes: [{to: '1.0.0.0/24', via: '1.0.2.1'}, {to: '1.0.1.0/24', via: '1.0.3.2'}]}),
			t.addRouter('spare2', {routes: [{to: '1.0.0.0/24', via: '1.0.3.1'}, {to: '1.0.1.0/24', via: '1.0.4.2'}]}),
		] as const;
		t.addLink(r1.interface({ip: []}), t.addHost('h1', {ip: '20.0.0.1/24', gateway: 'none'}));
		t.addLink(r2.interface({ip: []}), t.addHost('h3', {ip: '20.0.0.3/24', gateway: 'none'}));
		t.addLink(r1.interface({ip: '1.0.0.1/24'}), hop.interface({ip: '1.0.0.254/24'}));
		t.addLink(hop.interface({ip: '1.0.1.254/24'}), r2.interface({ip: '1.0.1.2/24'}));
		t.addLink(r1.interface({ip: '1.0.2.1/24'}), spare1.interface({ip: '1.0.2.254/24'}));
		t.addLink(spare1.interface({ip: '1.0.3.1/24'}), spare2.interface({ip: '1.0.3.2/24'}));
		t.addLink(spare2.interface({ip: '1.0.4.254/24'}), r2.interface({ip: '1.0.4.2/24'}));
		t.addTunnel(r1.interface({ip: '10.9.0.1/30', endpoint: '1.0.0.1'}), r2.interface({ip: '10.9.0.2/30', endpoint: '1.0.1.2'}), options);
	});
}

/** For titles. */
export function nameOfTunnel(options: TunnelOptions): string {
	return `${options.via}${'mode' in options ? ` of ${options.mode}` : ''}${'key' in options ? ` with key ${options.key}` : ''}`;
}

/** Waits until a ping is answered. @returns its ttl, or undefined when none is within the limit */
export async function ttlOf(lab: Lab, from: string, to: string): Promise<number | undefined> {
	for (const end = Date.now() + longPatience; Date.now() < end;) {
		const {stdout} = await lab.node(from).execute(['ping', '-c', '1', '-W', '1', to]);
		const [, ttl] = / ttl=(\d+) /.exec(stdout) ?? [];
		if (ttl !== undefined) {
			return Number(ttl);
		}
	}

	return undefined;
}
