/** Lines that change the policy where nothing enforces it say so, once a line, in their text and in their result. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import type {ChangeResult, Lab} from '../../lib/index.ts';
import {mesh} from '../helpers/edges.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {needing} from '../helpers/needing.ts';
import {labOf} from '../helpers/scenario.ts';

/** Text and warnings of a line; they must tell the same. */
async function told(lab: Lab, line: string): Promise<readonly string[]> {
	const [answer] = await lab.run(line);
	const {warnings = []} = answer?.result as ChangeResult;
	return answer?.text.split('\n').flatMap(each => each.startsWith('warning: ') ? [each.replace('warning: ', '')] : []).filter((each, index) => each === warnings[index]) ?? [];
}

const withGobgp = await needing('gobgpd');

const nobody = 'No switch, bridge or router of this lab enforces rules, so no packet is judged.';
const cure = 'Start the lab with --firewall nftables-bridge, or give one a firewall in the topology: addBridge(\'b1\', {firewall: \'nftables-bridge\'}) or addRouter(\'r1\', {perimeter: true}).';

test.serial('where nothing enforces rules, every line that makes some says so', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- b1\nr1 10.0.1.254/24 -- b1\nr1 10.0.2.254/24 -- h2 10.0.2.2/24'));
	const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
	t.teardown(() => {
		rmSync(directory, {recursive: true});
	});
	await lab.run(`secrule save ${directory}/policy`);
	for (const line of ['h1 bind web db', 'ipg add office 10.9.0.0/16', 'secrule add allow office to web', `secrule load ${directory}/policy`, 'h1 bind web db', 'ipg add office 10.9.0.0/16', 'secrule add allow office to web name last']) {
		t.deepEqual(await told(lab, line), [`${nobody} ${cure}`], line);
	}

	for (const line of ['secrule del last', 'h1 unbind db', 'ipg del office', 'sg list']) {
		t.deepEqual(await told(lab, line), [], line);
	}
});

test.serial('where only some nodes enforce rules, a host that is behind none of them', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.1.1/24 -- b1\nh2 10.0.1.2/24 -- b1\nh3 10.0.2.3/24 -- s1\nh4 10.0.2.4/24 -- s1\nh5 10.0.2.5/24 -- b2\nb2 -- s1\nh6 10.0.2.6/24'));
	t.deepEqual(await told(lab, 'h1 bind web'), ['No switch, bridge or router around h1 enforces rules, so none of its packets is judged. Those that do: s1. Link it to one of them. Start the lab with --firewall nftables-bridge, or give one a firewall in the topology: addBridge(\'b1\', {firewall: \'nftables-bridge\'}).']);
	for (const line of ['h3 bind web', 'h5 bind web', 'h6 bind web', 'secrule add allow any to web', 'ipg add office 10.9.0.0/16']) {
		t.deepEqual(await told(lab, line), [], line);
	}
});

withGobgp('a host in a group that joins a router where nothing enforces rules', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 2, joined: 0}));
	t.deepEqual(await told(lab, 'h1 join edge1'), []);
	t.regex((await told(lab, 'h2 bind web')).join('\n'), /^No switch, bridge or router of this lab enforces rules/);
	t.regex((await told(lab, 'h2 join edge2')).join('\n'), /^No switch, bridge or router of this lab enforces rules/);
});
