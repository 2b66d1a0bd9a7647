/** Other firewall drivers: chosen by name, by the topology, and in a running lab, where nobody notices and nothing of the old one stays (ACCEPTANCE M1). */
import test from 'ava';
import {InputError, type Lab, Topology} from '../../lib/index.ts';
import {saveSets} from '../../lib/kernel/ipset.ts';
import {save} from '../../lib/kernel/iptables.ts';
import {changeTables} from '../../lib/kernel/nftables.ts';
import {type FirewallName, firewallNamed} from '../../lib/topology/firewalls.ts';
import SecureNet from '../../topologies/securenet.ts';
import {isBlocked, connects, labOf, losesNothing, openPairs, openStream, pingDuring, staysOpen} from '../helpers/scenario.ts';

/** The open pairs follow from the policy alone. */
const open = ['h10>h20', 'h30>h20'];

async function secured(lab: Lab): Promise<void> {
	await lab.run('h10 bind sg1', 'h30 bind sg1', 'h20 bind sg2', 'h11 bind rest', 'h21 bind rest', 'h31 bind rest', 'secrule add allow sg1 to sg2');
}

for (const firewall of ['iptables-perimeter', 'nftables-perimeter', 'fwaas', 'both', 'sg'] as const) {
	test.serial(`${firewall} from the start: the same pairs are open`, async t => {
		const lab = await labOf(t, new SecureNet(), {firewalls: [firewall]});
		await secured(lab);
		t.deepEqual(await openPairs(lab), open);
	});
}

class Bridged extends Topology {
	override build(): void {
		const s1 = this.addBridge('s1', {firewall: 'nftables-bridge'});
		for (const host of ['h1', 'h2', 'h3']) {
			this.addLink(this.addHost(host), s1);
		}
	}
}

test.serial('nftables-bridge, chosen by the topology: a Linux bridge has security groups', async t => {
	const lab = await labOf(t, new Bridged());
	await lab.run('h1 bind a', 'h2 bind b', 'secrule add allow a to b');
	t.deepEqual(await openPairs(lab), ['h1>h2', 'h1>h3', 'h2>h3']);
	t.deepEqual([...lab.firewalls], [['s1', 'nftables-bridge']]);
});

/** What must be gone once another driver is there. */
const traces: Partial<Record<FirewallName, (lab: Lab) => Promise<string[]>>> = {
	'iptables-perimeter': async lab => {
		const {namespace} = lab.node('fw');
		const rules = await Promise.all([4, 6].map(async family => save(namespace, family as 4 | 6)));
		return [...rules.flatMap(text => text.split('\n')).filter(line => /^(\[.*\] )?-A|^:PFW|DROP/.test(line)), ...await saveSets(namespace)];
	},
	'nftables-perimeter': async lab => {
		// A table that is not there cannot be deleted.
		const gone = await changeTables(lab.node('fw').namespace, ['delete table inet securenet'], {test: true}).then(() => false, () => true);
		return gone ? [] : ['table inet securenet'];
	},
};

const exchanges: ReadonlyArray<readonly [from: FirewallName, to: FirewallName]> = [
	['iptables-perimeter', 'nftables-perimeter'],
	['nftables-perimeter', 'iptables-perimeter'],
	['openflow', 'fwaas'],
	['fwaas', 'both'],
	['both', 'sg'],
	['sg', 'openflow'],
];

for (const [from, to] of exchanges) {
	test.serial(`${from} becomes ${to} under a ping and a TCP connection: nothing is lost, hits go on, nothing of the old one stays`, async t => {
		const lab = await labOf(t, new SecureNet(), {firewalls: [from]});
		await secured(lab);
		t.true(await connects(lab, 'h30', 'h20'));
		const hits = (await lab.hits()).get(1) ?? 0;
		const stream = await openStream(t, lab, 'tcp', 'h10', 'h20');
		const count = await pingDuring(lab, 'h10', 'h20', async () => {
			t.true((await lab.setFirewall(to)).devices.length > 0);
		});
		t.true(losesNothing(count), JSON.stringify(count));
		t.true(await staysOpen(stream));
		t.true(await isBlocked(lab, 'h20', 'h10'));
		t.deepEqual(await traces[from]?.(lab) ?? [], []);
		t.true(((await lab.hits()).get(1) ?? 0) > hits, `${hits}`);
		await lab.run('secrule del 1');
		t.deepEqual(await openPairs(lab), []);
	});
}

test('a driver that is not for the device, and one that nobody has', async t => {
	const lab = await labOf(t, new SecureNet());
	await t.throwsAsync(lab.setFirewall('nftables-perimeter', ['s1']), {instanceOf: InputError, code: 'wrong-kind', message: 'nftables-perimeter is no driver for s1. Those it is for: fw.'});
	await t.throwsAsync(lab.setFirewall('openflow', ['s9']), {code: 'unknown-device'});
	t.throws(() => firewallNamed('nftable-bridge'), {code: 'unknown-firewall', message: /Did you mean nftables-bridge or/});
});

test.serial('a driver that cannot do what the policy needs is refused, and the old one stays', async t => {
	const lab = await labOf(t, new SecureNet());
	await secured(lab);
	await lab.run('secrule add deny sg1 to sg1');
	await t.throwsAsync(lab.setFirewall('sg'), {code: 'unsupported'});
	t.deepEqual([...new Set(lab.firewalls.values())].sort(), ['iptables-perimeter', 'openflow']);
	await lab.run('secrule add allow sg2 to sg1');
	t.true(await connects(lab, 'h20', 'h10'));
});
