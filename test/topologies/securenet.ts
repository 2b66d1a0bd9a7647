import test, {type ExecutionContext} from 'ava';
import {type Lab, SecureNetError, Topology} from '../../lib/index.ts';
import SecureNet from '../../topologies/securenet.ts';
import {connects, isBlocked, isCut, labOf, losesNothing, openPairs, openStream, pingDuring, staysOpen} from '../helpers/scenario.ts';

/** Hosts of one switch reach each other at the start. */
const insideSwitches = ['h10>h11', 'h11>h10', 'h20>h21', 'h21>h20', 'h30>h31', 'h31>h30'];

/** What is open after the lines, beside or without what was open at the start. */
async function opens(t: ExecutionContext, lab: Lab, lines: readonly string[], pairs: readonly string[]): Promise<void> {
	await lab.run(...lines);
	t.deepEqual(await openPairs(lab), [...pairs].sort(), lines.join('; '));
}

function without(...closed: readonly string[]): string[] {
	return insideSwitches.filter(pair => !closed.some(each => pair === each || pair.endsWith(`>${each}`)));
}

test.serial('the story: every sentence opens and closes exactly its pairs', async t => {
	const lab = await labOf(t, new SecureNet());
	t.deepEqual(await openPairs(lab), insideSwitches, 'nothing crosses at the start');
	await opens(t, lab, ['h10 bind sg1', 'h20 bind sg2'], without('h10', 'h20'));
	await opens(t, lab, ['secrule add allow sg1 to sg2'], [...without('h10', 'h20'), 'h10>h20']);
	await opens(t, lab, ['h30 bind sg1'], [...without('h10', 'h20', 'h30'), 'h10>h20', 'h30>h20']);
	await opens(t, lab, ['h21 bind sg2'], [...without('h10', 'h20', 'h21', 'h30'), 'h10>h20', 'h10>h21', 'h30>h20', 'h30>h21']);
	await opens(t, lab, ['h30 unbind sg1', 'h21 unbind sg2'], [...without('h10', 'h20'), 'h10>h20']);
	await opens(t, lab, ['secrule del 1'], without('h10', 'h20'));
	await opens(t, lab, ['h10 unbind sg1', 'h20 unbind sg2'], insideSwitches);
});

test.serial('inside a switch a rule opens its direction only', async t => {
	const lab = await labOf(t, new SecureNet());
	await opens(t, lab, ['h10 bind web', 'h11 bind db'], without('h10', 'h11'));
	await opens(t, lab, ['secrule add allow web to db'], [...without('h10', 'h11'), 'h10>h11']);
	await opens(t, lab, ['secrule add allow db to web'], insideSwitches);
});

test.serial('members of one group are not special', async t => {
	const lab = await labOf(t, new SecureNet());
	await opens(t, lab, ['h10 bind web', 'h11 bind web'], without('h10', 'h11'));
	await opens(t, lab, ['secrule add allow web to web'], insideSwitches);
});

test.serial('deny before allow wins, after it does not', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('secrule add deny h10 to h20', 'secrule add allow any to any');
	t.true(await isBlocked(lab, 'h10', 'h20'));
	t.true(await connects(lab, 'h11', 'h20'));
	await lab.run('secrule del 1', 'secrule add deny h10 to h20');
	t.true(await connects(lab, 'h10', 'h20'));
});

test.serial('a deny inside a switch holds between hosts that are in no group', async t => {
	const lab = await labOf(t, new SecureNet());
	await opens(t, lab, ['secrule add deny h10 to h11'], without('h10>h11'));
});

class WithOutside extends Topology {
	override build(): void {
		const fw = this.addRouter('fw', {perimeter: true});
		const s1 = this.addSwitch('s1');
		this.addLink(fw.interface({ip: ['10.0.1.254/24', 'fd01::fe/64']}), s1);
		for (const number of [1, 2]) {
			this.addLink(this.addHost(`h${number}`, {ip: [`10.0.1.${number}/24`, `fd01::${number}/64`]}), s1);
		}

		this.addLink(this.addHost('www', {ip: ['203.0.113.9/24', 'fd99::9/64'], gateway: ['203.0.113.1', 'fd99::1']}), fw.interface({ip: ['203.0.113.1/24', 'fd99::1/64']}));
	}
}

test.serial('an address set with an outside address works, its exclusions too, IPv4 and IPv6', async t => {
	const lab = await labOf(t, new WithOutside());
	const ping = async (from: string, address: string) => (await lab.node(from).execute(['ping', '-c', '1', '-W', '1', address])).exitCode === 0;
	t.deepEqual([await ping('h1', '203.0.113.9'), await ping('h1', 'fd99::9'), await ping('www', '10.0.1.1')], [false, false, false]);
	await lab.run('ipg add outside 203.0.113.0/24 fd99::/64', 'h1 bind inside', 'secrule add allow inside to outside');
	t.deepEqual([await ping('h1', '203.0.113.9'), await ping('h1', 'fd99::9')], [true, true]);
	t.deepEqual([await ping('h2', '203.0.113.9'), await ping('www', '10.0.1.1'), await ping('www', 'fd01::1')], [false, false, false]);
	await lab.run('ipg add outside !203.0.113.9');
	t.deepEqual([await ping('h1', '203.0.113.9'), await ping('h1', 'fd99::9')], [false, true]);
	await lab.run('ipg del outside !203.0.113.9', 'ipg del outside fd99::/64');
	t.deepEqual([await ping('h1', '203.0.113.9'), await ping('h1', 'fd99::9')], [true, false]);
});

for (const [kind, a, b] of [['tcp', 'h10', 'h20'], ['tcp', 'h10', 'h11'], ['udpBackwards', 'h10', 'h20'], ['udpBackwards', 'h10', 'h11']] as const) {
	test.serial(`${kind} ${a}>${b}: replies pass, an unrelated change leaves it open, and it is cut when its rule goes`, async t => {
		const lab = await labOf(t, new SecureNet());
		await lab.run(`${a} bind sg1`, `${b} bind sg2`, 'secrule add allow sg1 to sg2');
		const stream = await openStream(t, lab, kind, a, b);
		await lab.run('h31 bind other', 'secrule add deny other to sg2');
		t.true(await staysOpen(stream));
		await lab.run('secrule del 1');
		t.true(await isCut(stream));
	});

	test.serial(`${kind} ${a}>${b} is cut when its member leaves the group, not when another does`, async t => {
		const lab = await labOf(t, new SecureNet());
		await lab.run(`${a} bind sg1`, 'h31 bind sg1', `${b} bind sg2`, 'secrule add allow sg1 to sg2', 'secrule add deny any to any');
		const stream = await openStream(t, lab, kind, a, b);
		await lab.run('h31 unbind sg1');
		t.true(await staysOpen(stream));
		await lab.run(`${a} unbind sg1`);
		t.true(await isCut(stream));
	});
}

test.serial('a connection between hosts in no group is judged when one of them is bound', async t => {
	const lab = await labOf(t, new SecureNet());
	const stream = await openStream(t, lab, 'tcp', 'h10', 'h11');
	t.true(await staysOpen(stream));
	await lab.run('h11 bind sg1');
	t.true(await isCut(stream));
});

for (const [a, b] of [['h10', 'h20'], ['h10', 'h11']] as const) {
	test.serial(`an allowed ping ${a}>${b} loses nothing through 60 swaps of the whole policy`, async t => {
		const lab = await labOf(t, new SecureNet());
		await lab.run(`${a} bind sg1`, `${b} bind sg2`, 'secrule add allow sg1 to sg2', 'secrule add deny any to sg2');
		const one = lab.policy;
		await lab.run('secrule del 1 2', 'h31 bind sg1', 'ipg add ours 10.0.0.0/8', 'secrule add allow ours to ours');
		const other = lab.policy;
		const count = await pingDuring(lab, a, b, async () => {
			for (let swap = 0; swap < 60; swap++) {
				await lab.change(() => swap % 2 === 0 ? one : other);
			}
		});
		t.true(losesNothing(count), JSON.stringify(count));
		t.true(count.sent > 200, JSON.stringify(count));
	});

	test.serial(`a ping ${a}>${b} that no policy allows passes nothing through 20 swaps`, async t => {
		const lab = await labOf(t, new SecureNet());
		await lab.run(`${b} bind sg2`, 'h30 bind sg1', 'secrule add allow sg1 to sg2');
		const one = lab.policy;
		await lab.run('secrule del 1', 'secrule add deny any to any', 'h31 bind sg1');
		const other = lab.policy;
		const ping = lab.node(a).execute(['ping', '-i', '0.002', '-w', '3', lab.node(b).address ?? '']);
		for (let swap = 0; swap < 20; swap++) {
			await lab.change(() => swap % 2 === 0 ? one : other);
		}

		t.regex((await ping).stdout, / 0 received/);
	});
}

test.serial('applying twice changes nothing, and an edit that is refused neither', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind sg1', 'h20 bind sg2', 'secrule add allow sg1 to sg2');
	const policy = lab.policy;
	t.deepEqual((await lab.change(same => same)).devices, []);
	t.deepEqual((await lab.change(() => structuredClone(policy))).devices, []);
	for (const line of ['secrule add allow sg1 to nobody', 'secrule add permit sg1 to sg2', 'h99 bind sg1', 'fw bind sg1', 'h10 bind', 'sg del sg1', 'secrule del 7', 'ipg add x 10.0.0.300', 'ipg add sg1', 'h10 bind allow']) {
		const before = lab.policy;
		const error = await t.throwsAsync(lab.run(line), {instanceOf: SecureNetError}, line);
		t.is(error.exitStatus, 2, `${line}: ${error.message}`);
		t.is(lab.policy, before, line);
	}

	t.true(await connects(lab, 'h10', 'h20'));
});

test.serial('only the first packets of connections are hits', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h10 bind sg1', 'h11 bind sg2', 'secrule add allow sg1 to sg2');
	await lab.run('h10 ping -c 3 -i 0.05 h11', 'h10 ping -c 3 -i 0.05 h11');
	t.is((await lab.hits()).get(1), 2);
});

test.serial('a spoofed address does not leave the port of a bound host, of an unbound one it does', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h11 bind sg1', 'secrule add allow 10.0.10.99 to sg1');
	const spoofed = async () => {
		await lab.node('h10').execute(['ip', 'address', 'add', '10.0.10.99/24', 'dev', 'h10-eth0']);
		const {exitCode} = await lab.node('h10').execute(['ping', '-c', '1', '-W', '1', '-I', '10.0.10.99', '10.0.10.11']);
		await lab.node('h10').execute(['ip', 'address', 'del', '10.0.10.99/24', 'dev', 'h10-eth0']);
		return exitCode === 0;
	};

	t.true(await spoofed());
	await lab.run('h10 bind sg2');
	t.false(await spoofed());
});
