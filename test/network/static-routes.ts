/** `routing: 'static'` on real packets: both families, links without addresses, a shared LAN, a tunnel. */
import test from 'ava';
import {Topology, pingAll} from '../../lib/index.ts';
import type {PathResult} from '../../lib/index.ts';
import {labOf} from '../helpers/scenario.ts';
import {pingPatience} from '../helpers/patience.ts';

/** r1 - r2 without addresses, r2 and r3 on one LAN with h0, r3 - r4 by a link, r1 - r4 by a tunnel over all that. */
class Mixed extends Topology {
	override readonly name = 'mixed';
	override readonly settings = {routing: 'static' as const};

	override build(): void {
		const [r1, r2, r3, r4] = ([1, 2, 3, 4] as const).map(number => {
			const router = this.addRouter(`r${number}`);
			this.addLink(this.addHost(`h${number}`, {ip: [`10.0.${number}.1/24`, `fd0${number}::1/64`]}), router.interface({ip: [`10.0.${number}.254/24`, `fd0${number}::fe/64`]}));
			return router;
		});
		if (!r1 || !r2 || !r3 || !r4) {
			throw new TypeError('There are four routers.');
		}

		const lan = this.addSwitch('s1');
		this.addLink(r1.interface({ip: []}), r2.interface({ip: []}));
		this.addLink(lan, r2.interface({ip: ['10.1.0.252/24', 'fd10::2/64']}));
		this.addLink(lan, r3.interface({ip: ['10.1.0.253/24', 'fd10::3/64']}));
		this.addLink(lan, this.addHost('h0', {ip: ['10.1.0.1/24', 'fd10::1/64']}));
		this.addLink(r3.interface({ip: '10.2.0.1/30'}), r4.interface({ip: '10.2.0.2/30'}));
		this.addTunnel(r1.interface({ip: '10.3.0.1/30', endpoint: '10.0.1.254'}), r4.interface({ip: '10.3.0.2/30', endpoint: '10.0.4.254'}), {via: 'gre'});
	}
}

test('every host reaches every other one, by the ways that were worked out', async t => {
	const lab = await labOf(t, new Mixed());
	const {lost} = await pingAll(lab.network, {timeout: pingPatience});
	t.deepEqual(lost, []);
	const pairs = ['h0', 'h1', 'h2', 'h3', 'h4'].flatMap(from => [0, 1, 2, 3, 4].filter(to => from !== `h${to}`).map(to => `path ${from} ${to === 0 ? 'fd10' : `fd0${to}`}::1`));
	for (const line of ['path h1 h3', 'path h0 h4', ...pairs]) {
		const [result] = await lab.run(line);
		t.true((result?.result as PathResult).answered, result?.text);
	}
});
