/** What makes a namespace a router, seen from its neighbours. */
import test from 'ava';
import {run} from '../../lib/kernel/process.ts';
import {buildRouter, sends} from '../helpers/router.ts';

const {client, router, down} = await buildRouter();
test.after.always(down);

for (const [title, program, reason, server, file, counter] of [
	['IPv4', 'iptables', 'icmp-admin-prohibited', '10.0.2.1', 'snmp', /^Icmp: (?:\d+ ){3}(\d+)/m],
	['IPv6', 'ip6tables', 'icmp6-adm-prohibited', 'fd02::1', 'snmp6', /^Icmp6InDestUnreachs\s+(\d+)/m],
] as const) {
	test.serial(`a router holds no ICMP error back: ${title}`, async t => {
		const errors = async () => Number(counter.exec((await run(['cat', `/proc/net/${file}`], {namespace: client})).stdout)?.[1]);
		await run([program, '-A', 'FORWARD', '-j', 'REJECT', '--reject-with', reason], {namespace: router});
		const before = await errors();
		await sends(client, 4000, server, ...Array.from({length: 400}, (_, index) => 5000 + index));
		t.is(await errors() - before, 400);
	});
}
