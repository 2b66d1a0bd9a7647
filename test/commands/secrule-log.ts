/** `secrule log` waits for packets, or for its time to pass; where somebody looks on, it shows them as they come. */
import test from 'ava';
import {runLine} from '../../lib/commands/run-line.ts';
import {type SecruleLogResult, probeAll} from '../../lib/index.ts';
import SecureNet from '../../topologies/securenet.ts';
import {patience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

test.serial('N packets, or all that come in time', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h20 bind db', 'secrule add deny h11 to db udp log "spy"');
	const send = async (...ports: readonly number[]) => probeAll(lab.network, ports.map(udp => ({from: 'h11', to: 'h20', udp, sport: 4000})), {timeout: 300});
	const [none] = await lab.run('secrule log 100 0.01');
	t.deepEqual(none?.result, []);
	const [, [two]] = await Promise.all([send(1, 2), lab.run('secrule log 2')]);
	t.deepEqual((two?.result as SecruleLogResult).map(({device, rule, sentence, text, packet}) => [device, rule, sentence, text, packet]), [1, 2].map(port =>
		['s1', 1, 'deny h11 to db udp log "spy"', 'spy', `udp 10.0.10.11:4000 > 10.0.20.20:${port}`]));
	t.regex(two?.text ?? '', /^\d\d:\d\d:\d\d\.\d{3} {2}s1 {2}spy {2}udp 10\.0\.10\.11:4000 > 10\.0\.20\.20:1 {2}1 \(deny h11 to db udp log "spy"\)$/m);
	const [late] = await Promise.all([lab.run(`secrule log 50 ${2 * patience}`), send(3)]);
	t.deepEqual((late[0]?.result as SecruleLogResult).map(({packet}) => packet), Array.from({length: 2}, () => 'udp 10.0.10.11:4000 > 10.0.20.20:3'));
});

test.serial('until the user interrupts, shown at once and no part of the result', async t => {
	const lab = await labOf(t, new SecureNet());
	await lab.run('h20 bind db', 'secrule add deny h11 to db udp log');
	const user = new AbortController();
	const shown: string[] = [];
	const show = (text: string) => {
		shown.push(text);
		user.abort();
	};

	const [result] = await Promise.all([runLine(lab, 'secrule log', {signal: user.signal, show}), probeAll(lab.network, [{from: 'h11', to: 'h20', udp: 53}], {timeout: 300})]);
	t.true(result?.ok);
	t.is(result?.text, '');
	t.regex(shown[0] ?? '', /s1 {2}udp 10\.0\.10\.11:\d+ > 10\.0\.20\.20:53/);
	await t.throwsAsync(lab.run('secrule log'), {code: 'follow'});
	await t.throwsAsync(lab.run('secrule log 0'), {code: 'number'});
	const json = await runLine(lab, 'secrule log 1 0.01 --json', {show});
	t.is(json?.text, '[]');
});
