/** Packets that are too long for a tunnel: TCP is told beforehand what fits; for others the kernel answers for the tunnel's device, whoever carries it, so their sender learns it (RFC 1191, RFC 8201). */
import test from 'ava';
import type {TunnelOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {longPatience, pingPatience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';
import {nameOfTunnel} from '../helpers/two-ways.ts';

/** hN at 10.N.0.1 and fdN::1 behind rN, which are linked and have a tunnel that leads to each other's host. */
function twoSites(options: TunnelOptions): Topology {
	return sketch(topology => {
		const [r1, r2] = [1, 2].map(n => {
			const other = 3 - n;
			const router = topology.addRouter(`r${n}`, {routes: [{to: `10.${other}.0.0/24`, via: `10.9.0.${other}`}, {to: `fd0${other}::/64`, via: `fd09::${other}`}]});
			topology.addLink(router.interface({ip: [`10.${n}.0.254/24`, `fd0${n}::fe/64`]}), topology.addHost(`h${n}`, {ip: [`10.${n}.0.1/24`, `fd0${n}::1/64`]}));
			return router;
		}) as [ReturnType<typeof topology.addRouter>, ReturnType<typeof topology.addRouter>];
		topology.addLink(r1.interface({ip: '1.0.0.1/24'}), r2.interface({ip: '1.0.0.2/24'}));
		topology.addTunnel(r1.interface({ip: ['10.9.0.1/30', 'fd09::1/64']}), r2.interface({ip: ['10.9.0.2/30', 'fd09::2/64']}), options);
	});
}

const answers = test.macro<[options: TunnelOptions, mtu: number]>({
	title: (_, options, mtu) => `${nameOfTunnel(options)}: what is longer than ${mtu} bytes is answered, in both families, and what is not gets through whole`,
	async exec(t, options, mtu) {
		const lab = await labOf(t, twoSites(options));
		for (const [family, to, headers, words] of [['-4', '10.2.0.1', 28, `Frag needed and DF set (mtu = ${mtu})`], ['-6', 'fd02::1', 48, `Packet too big: mtu=${mtu}`]] as const) {
			const ping = async (size: number) => lab.node('h1').execute(['ping', family, '-c', '1', '-W', String(Math.ceil(pingPatience / 1000)), '-M', 'do', '-s', String(size - headers), to]);
			const whole = await ping(mtu);
			t.is(whole.exitCode, 0, whole.stdout);
			const long = await ping(mtu + 1);
			t.is(long.exitCode, 1);
			t.true(`${long.stdout}${long.stderr}`.includes(words), long.stdout);
		}
	},
});

test.serial(answers, {via: 'gre'}, 1476);
test.serial(answers, {via: 'gre', mode: 'layer2'}, 1462);
test.serial(answers, {via: 'vxlan'}, 1450);

const fits = test.macro<[options: TunnelOptions, segment: number]>({
	title: (_, options, segment) => `${nameOfTunnel(options)}: what a router forwards into it says that segments of ${segment} bytes fit`,
	async exec(t, options, segment) {
		const lab = await labOf(t, twoSites(options));
		const syn = lab.node('h2').execute(['tcpdump', '-c', '1', '-n', '-i', 'h2-eth0', 'tcp[tcpflags] & tcp-syn != 0'], {timeout: longPatience});
		for (let done = false; !done;) {
			await lab.node('h1').execute(['nc', '-z', '-w', '1', '10.2.0.1', '9']);
			done = await Promise.race([syn.then(() => true), new Promise<boolean>(resolve => {
				setTimeout(resolve, 100, false);
			})]);
		}

		t.is(Number(/mss (\d+)/.exec((await syn).stdout)?.[1]), segment);
	},
});

// Without 20 bytes of IPv4 and 20 of TCP: tunnels of 1476, 1458 and 1450 bytes, and one that takes whole packets.
test.serial(fits, {via: 'gre'}, 1436);
test.serial(fits, {via: 'gre', mode: 'layer2', key: 7}, 1418);
test.serial(fits, {via: 'vxlan'}, 1410);
test.serial(fits, {via: 'ssh'}, 1460);
