/** The table of topologies/README.md holds on real packets; and what firewalls know of connections is what hosts do. */
import {readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {type ConnectionsResult, type ExplainResult, type Lab, type Probe, type ProbeResult, labRecord, probe, probeAll} from '../../lib/index.ts';
import StatefulStateless from '../../topologies/stateful-stateless.ts';
import {isCut, labOf, openStream, staysOpen} from '../helpers/scenario.ts';
import {longPatience, pingPatience} from '../helpers/patience.ts';

type Row = {readonly side: 'client' | 'server' | 'trusted' | 'p2p'; readonly line: string; readonly stateful: string; readonly stateless: string};

const rowPattern = /^\| (?<side>client|server|trusted|p2p) \| [^|]+ \| `(?<line>explain [^`]+)` \| (?<stateful>passes|blocked) \| (?<stateless>passes|blocked) \|$/gm;
const table = [...readFileSync('topologies/README.md', 'utf8').matchAll(rowPattern)].map(({groups}) => groups as Row);
const sides = ['client', 'server', 'trusted', 'p2p'] as const;

test('the table tells of all sides, and of what parts the two kinds of rules', t => {
	t.deepEqual(sides.filter(side => !table.some(row => row.side === side && row.stateful !== row.stateless)), []);
	t.true(table.every(({stateful, stateless}) => stateful === stateless || stateless === 'passes'));
});

for (const side of sides) {
	for (const rules of ['stateful', 'stateless'] as const) {
		test.serial(`${side}, ${rules} rules: what the table says, the policy says, and real packets meet`, async t => {
			const lab = await labOf(t, new StatefulStateless({side, rules}));
			const rows = table.filter(row => row.side === side);
			const told = rows.map(row => `${row.line}: ${row[rules]}`);
			t.deepEqual(await staticVerdicts(lab, rows), told);
			t.deepEqual(await realVerdicts(lab, rows), told);
		});
	}
}

async function staticVerdicts(lab: Lab, rows: readonly Row[]): Promise<string[]> {
	const results = await lab.run(...rows.map(({line}) => `${line} --static`));
	return results.map(({result}, index) => {
		const {action, answer} = result as ExplainResult;
		return `${rows[index]?.line ?? ''}: ${action === 'allow' && answer === undefined ? 'passes' : 'blocked'}`;
	});
}

/** A host cannot send from a port on which it answers somebody else, so these come second. */
async function realVerdicts(lab: Lab, rows: readonly Row[]): Promise<string[]> {
	const verdicts = new Map<string, string>();
	for (const withPort of [false, true]) {
		const lines = rows.map(({line}) => line).filter(line => line.includes(' sport ') === withPort);
		const results = await probeAll(lab.network, lines.map(probeOf), {timeout: pingPatience});
		lines.forEach((line, index) => verdicts.set(line, results[index]?.verdict ?? ''));
	}

	return rows.map(({line}) => `${line}: ${verdicts.get(line) === 'allowed' ? 'passes' : verdicts.get(line) ?? ''}`);
}

/** What the line sends: `explain FROM TO PROTOCOL PORT [sport PORT]`. */
function probeOf(line: string): Probe {
	const [, from = '', to = '', protocol = '', port, , sport] = line.split(' ');
	return {from, to, [protocol]: Number(port), ...sport === undefined ? {} : {sport: Number(sport)}};
}

test.serial('explain does not take a packet of an open connection for a disagreement', async t => {
	const lab = await labOf(t, new StatefulStateless());
	const line = 'explain client www udp 53 sport 40000';
	const [first, second] = (await lab.run(line, line)).map(({result}) => result as ExplainResult);
	t.is(first?.packet, 'udp 10.0.1.1 port 40000 > 10.0.2.80 port 53');
	t.deepEqual([first, second].map(result => [result?.probe?.verdict, result?.points[0]?.checked]), [['allowed', 'counters'], ['allowed', 'nothing']]);
});

test.serial('a connection is known from its first packet to its end', async t => {
	const lab = await labOf(t, new StatefulStateless());
	await lab.run('-client nc -z -w 1 -p 40002 10.0.2.99 80');
	t.deepEqual(await known(lab), ['tcp 10.0.2.99:80 SYN_SENT, rule 1']);
	const stream = await openStream(t, lab, 'tcp', 'client', 'www', 80);
	t.deepEqual(await known(lab), ['tcp 10.0.2.80:80 ESTABLISHED, rule 1', 'tcp 10.0.2.99:80 SYN_SENT, rule 1']);
	await stream.stop();
	t.true(await eventually(async () => /:80 (?:FIN_WAIT|CLOSE_WAIT|LAST_ACK|TIME_WAIT|CLOSE),/.test((await known(lab)).join())));
});

test.serial('stateless rules know no connection, whatever the kernel tracks', async t => {
	const lab = await labOf(t, new StatefulStateless({rules: 'stateless'}));
	await openStream(t, lab, 'tcp', 'client', 'www', 80);
	t.deepEqual(await known(lab), []);
	t.deepEqual(await known(lab, 'fw', '--all'), ['tcp 10.0.2.80:80 ESTABLISHED, no connection of the policy']);
});

test.serial('two firewalls with traffic split over them: stateful rules break, and explain says where', async t => {
	const lab = await labOf(t, new StatefulStateless({firewalls: '2'}));
	for (const probe of [{tcp: 80}, {udp: 53}]) {
		t.like(await probeIn(lab, probe), {verdict: 'blocked', stopped: 'answer'});
	}

	const [{result} = {result: undefined}] = await lab.run('explain client www tcp 80');
	const {action, answer, probe: sent} = result as ExplainResult;
	t.deepEqual({action, verdict: sent?.verdict}, {action: 'allow', verdict: 'blocked'});
	t.regex(answer ?? '', /^It comes by fw2, where nothing is known of the request\. Denied/);
});

test.serial('two firewalls with traffic split over them: stateless rules do not notice', async t => {
	const lab = await labOf(t, new StatefulStateless({firewalls: '2', rules: 'stateless'}));
	for (const probe of [{tcp: 80}, {udp: 53}, {}]) {
		t.like(await probeIn(lab, probe), {verdict: 'allowed'});
	}
});

test.serial('two firewalls that tell each other their connections: stateful rules work, and what is revoked ends on both', async t => {
	const lab = await labOf(t, new StatefulStateless({firewalls: '2', sync: true}));
	t.is(labRecord(lab.name).processes.length, 2);
	t.like(await probeIn(lab, {udp: 53}), {verdict: 'allowed'});
	t.like(await probeIn(lab, {from: 'stranger', to: 'client', tcp: 8080, sport: 80}), {verdict: 'blocked', stopped: 'request'});
	const stream = await openStream(t, lab, 'tcp', 'client', 'www', 80);
	t.true(await eventually(async () => (await known(lab)).includes('tcp 10.0.2.80:80 ESTABLISHED, rule 1')));
	t.true(await eventually(async () => (await known(lab, 'fw2')).includes('tcp 10.0.2.80:80 ESTABLISHED, rule 1')));
	t.true(await staysOpen(stream));
	await lab.run('secrule del 1');
	t.true(await isCut(stream));
	t.deepEqual([...await known(lab), ...await known(lab, 'fw2')].filter(text => text.startsWith('tcp')), []);
});

async function probeIn(lab: Lab, what: Partial<Probe>): Promise<ProbeResult> {
	return probe(lab.network, {from: 'client', to: 'www', ...what});
}

/** What a firewall tells of connections, without the client's port. */
async function known(lab: Lab, device = 'fw', ...options: readonly string[]): Promise<string[]> {
	const [answer] = await lab.run(['connections', device, ...options].join(' '));
	const [{connections} = {connections: []}] = answer?.result as ConnectionsResult;
	return connections.map(({protocol, destination, dport, state = '', rule, sentence}) => `${protocol} ${destination}:${dport ?? ''} ${state}, ${rule === undefined ? sentence : `rule ${rule}`}`).sort();
}

async function eventually(holds: () => Promise<boolean>): Promise<boolean> {
	for (const end = performance.now() + longPatience; performance.now() < end;) {
		if (await holds()) {
			return true;
		}

		await sleep(20);
	}

	return false;
}
