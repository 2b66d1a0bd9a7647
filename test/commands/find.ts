import test from 'ava';
import {findCommand, nextWords} from '../../lib/commands/find.ts';
import type {Scene} from '../../lib/commands/command.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {emptyPolicy} from '../../lib/policy/model.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {check} from '../../lib/topology/check.ts';
import {splitWords} from '../../lib/util/words.ts';
import {InputError} from '../../lib/util/errors.ts';
import {scene} from '../helpers/scene.ts';
import {sketch} from '../helpers/sketch.ts';

const finds = test.macro({
	title: (_, line: string, name: string) => `"${line}" is ${name}`,
	exec(t, line: string, name: string, rest: string) {
		const {command, words} = findCommand(splitWords(line), scene);
		t.is(command.name, name);
		t.is(words.map(({text}) => text).join(' '), rest);
	},
});

test(finds, 'nodes', 'nodes', '');
test(finds, 'pingall 2', 'pingall', '2');
test(finds, 'quit', 'exit', '');
test(finds, 'secrule add allow web to db', 'secrule add', 'allow web to db');
test(finds, 'secrule ipg list', 'secrule ipg list', '');
test(finds, 'secrule service list', 'secrule service list', '');
test(finds, 'secrule stats reset', 'secrule stats reset', '');
test(finds, 'mode', 'mode', '');
test(finds, 'ipg show office', 'secrule ipg show', 'office');
test(finds, 'h10 bind web', 'NODE bind', 'h10 web');
test(finds, 'h10 unbind web', 'NODE unbind', 'h10 web');
test(finds, 'h10 ping h11', 'NODE COMMAND', 'h10 ping h11');
test(finds, 'h10 "bind" web', 'NODE COMMAND', 'h10 bind web');
test(finds, 'h10', 'NODE COMMAND', 'h10');

const refuses = test.macro({
	title: (_, line: string, code: string, column: number) => `"${line}": ${code} at column ${column}`,
	exec(t, line: string, code: string, column: number, expected: string[], nearest: string[]) {
		const error = t.throws(() => {
			const {command, words} = findCommand(splitWords(line), scene);
			command.read(new Reader(words, command.usage), scene);
		}, {instanceOf: InputError});
		t.is(error.code, code);
		t.deepEqual(error.details, {column, expected, nearest});
	},
});

const secruleVerbs = ['add', 'del', 'move', 'clear', 'list', 'show', 'plan', 'log', 'save', 'load', 'revoke', 'stats', 'ipg', 'service'];

test(refuses, 'pingal', 'unknown-command', 1, ['command', 'node'], ['pingall', 'pingpair']);
test(refuses, 'ping h10', 'unknown-command', 1, ['command', 'node'], ['pingall', 'pingpair', 'ipg']);
test(refuses, 'traceroute h10', 'unknown-command', 1, ['command', 'node'], []);
test(refuses, 'add tunnel h10 via gre', 'syntax', 16, ['host or router'], []);
test(refuses, 'del tunnel h10 h11', 'syntax', 5, ['host or router'], []);
test(refuses, 'h10 cat a | wc', 'no-shell', 11, ['word'], []);
test(refuses, 'h10 "a b" > c', 'no-shell', 11, ['word'], []);
test(refuses, 'h10 pkill iperf', 'kills-elsewhere', 5, ['program'], []);
test(refuses, 'h10 /usr/bin/killall iperf', 'kills-elsewhere', 5, ['program'], []);
test(refuses, 'h10 killall --ns 1 iperf', 'kills-elsewhere', 5, ['program'], []);
test(finds, 'h10 "pkill" iperf', 'NODE COMMAND', 'h10 pkill iperf');
test(finds, 'h10 pkill --ns 1 iperf', 'NODE COMMAND', 'h10 pkill --ns 1 iperf');
test(finds, 'h10 echo a "|" \\; >b &', 'NODE COMMAND', 'h10 echo a | ; >b &');
test(refuses, 'h1O ping h11', 'unknown-command', 1, ['command', 'node'], ['h10', 'h11']);
test(refuses, 'bind h10 web', 'unknown-command', 1, ['node'], []);
test(refuses, 'help foo', 'unknown-command', 6, ['command'], []);
test(refuses, 'help secrule lits', 'unknown-command', 14, ['command'], ['list']);
test(refuses, 'help nodes h10', 'syntax', 12, ['end of line'], []);
test(refuses, 'secrule', 'syntax', 8, secruleVerbs, []);
test(refuses, 'secrule lits', 'syntax', 9, secruleVerbs, ['list']);
test(refuses, 'secrule "list"', 'syntax', 9, secruleVerbs, ['list']);
test(refuses, 'secrule ipg', 'syntax', 12, ['add', 'del', 'list', 'show'], []);
test(refuses, 'secrule add alow web to db', 'syntax', 13, ['allow', 'deny', 'reject'], ['allow']);
test(refuses, 'nodes h10', 'syntax', 7, ['end of line'], []);
test(refuses, 'sghosts wb', 'unknown-group', 9, ['group'], ['db', 'web']);
test(refuses, 'ipg show offise', 'unknown-ipg', 10, ['IPG'], ['office']);
test(refuses, 'link h10 h99 down', 'unknown-node', 10, ['node'], []);
test(refuses, 'link h10 s1 sideways', 'syntax', 13, ['up', 'down', 'set'], []);
test(refuses, 'flows h10', 'wrong-kind', 7, ['switch'], []);
test(refuses, 'secrule del 9', 'unknown-rule', 13, ['rule id', 'rule name'], []);
test(refuses, 'secrule move 1 beside 1', 'syntax', 16, ['before', 'after'], ['before']);
test(refuses, 'secrule move 1 before', 'syntax', 22, ['rule id', 'rule name'], []);
test(refuses, 'secrule clear all', 'syntax', 15, ['end of line'], []);
test(refuses, 'secrule plan allow web to dbb', 'unknown-peer', 27, ['any', 'group', 'IPG', 'node', 'address', 'prefix', 'not', '('], ['db']);
test(refuses, 'secrule service add dns tcp', 'syntax', 28, ['/'], []);
test(refuses, 'secrule service del dsn', 'unknown-service', 21, ['service'], []);
test(refuses, 'secrule stats', 'syntax', 14, ['reset'], []);
test(refuses, 'secrule revoke kept', 'syntax', 16, ['cut', 'keep'], ['keep']);
test(refuses, 'mode statefull', 'syntax', 6, ['stateful', 'stateless'], ['stateful', 'stateless']);
test(refuses, 's1 bind web', 'wrong-kind', 1, ['host'], []);
test(refuses, 'h10 unbind wep', 'unknown-group', 12, ['group'], ['web']);

test('a mistake of the policy gets the column of its word', t => {
	const error = t.throws(() => {
		const {command, words} = findCommand(splitWords('h10 bind web list'), scene);
		command.read(new Reader(words, command.usage), scene);
	}, {instanceOf: InputError});
	t.is(error.code, 'reserved-name');
	t.is(error.details.column, 14);
});

/** What a node's name goes on with. */
const ofNode = ['set', 'route', 'neighbor', 'rule', 'join', 'leave', 'bind', 'unbind'];

const offers = test.macro({
	title: (_, line: string) => `after "${line}"`,
	exec(t, line: string, words: string[]) {
		t.deepEqual(nextWords(splitWords(line), scene), words);
	},
});

test(offers, 'secrule', secruleVerbs);
test(offers, 'secrule ipg', ['add', 'del', 'list', 'show']);
test(offers, 'sghosts', ['db', 'web']);
test(offers, 'h10', ofNode);
test(offers, 'h10 bind', ['db', 'web']);
test(offers, 'h10 bind web', ['db', 'web']);
test(offers, 'h10 ping', ['fw', 'h10', 'h11', 'h20', 'h21', 'h30', 'h31']);
test(offers, 'fw', ['set', 'route', 'neighbor', 'rule']);
test(offers, 's1', []);
test(offers, 'h10 join', ['fw']);
test(offers, 'firewall', ['openflow', 'sg', 'fwaas', 'both', 'iptables-perimeter', 'nftables-perimeter', 'nftables-bridge']);
test(offers, 'firewall sg', ['s1', 's2', 's3']);
test(offers, 'firewall sg s1', ['s2', 's3']);
test(offers, 'firewall nftables-perimeter', ['fw']);
test(offers, 'firewall nftables-bridge', []);
test(offers, 'link h10', ['fw', 'h11', 'h20', 'h21', 'h30', 'h31', 's1', 's2', 's3']);
test(offers, 'link h10 s1', ['up', 'down', 'set']);
test(offers, 'flows', ['--watch', '--all', 's1', 's2', 's3']);
test(offers, 'rules', ['--watch', '--all', 'fw']);
test(offers, 'flows s1', ['--watch', '--all']);
test(offers, 'explain h10 fw', ['tcp', 'udp', 'sctp', 'icmp', '--static']);
test(offers, 'secrule log', ['--follow']);
test(offers, 'secrule del', ['1']);
test(offers, 'secrule add', ['allow', 'deny', 'reject']);
test(offers, 'secrule add allow web to db tcp', ['sport', 'dport', 'stateful', 'stateless', 'prio', 'before', 'after', 'log', 'rate', 'name', 'comment']);
test(offers, 'secrule plan allow web', ['to']);
test(offers, 'secrule move', ['1']);
test(offers, 'secrule move 1', ['before', 'after']);
test(offers, 'secrule service', ['add', 'del', 'list']);
test(offers, 'secrule service add dns', ['tcp', 'udp', 'sctp']);
test(offers, 'secrule service add dns udp/53', ['tcp', 'udp', 'sctp']);
test(offers, 'secrule revoke', ['cut', 'keep']);
test(offers, 'secrule revoke cut', []);
test(offers, 'secrule stats', ['reset']);
test(offers, 'mode', ['stateful', 'stateless']);
test(offers, 'secrule add allow web', ['to']);
test(offers, 'ipg del office', ['10.1.0.0/16']);
test(offers, 'help secrule', secruleVerbs);
test(offers, 'help h10', ['COMMAND', ...ofNode]);
test(offers, 'nodes', []);
test(offers, 'frobnicate', []);

/** Two routers, one of them a perimeter firewall, two bridges, one of them with a firewall; r1 is an edge router. */
const mixed: Scene = (() => {
	const blueprint = check(sketch(t => {
		t.addRouter('r1', {bgp: {as: 65_000}});
		t.addRouter('fw', {perimeter: true});
		t.addBridge('b1');
		t.addBridge('b2', {firewall: 'nftables-bridge'});
		t.addHost('h1');
	}));
	const nodes = new Map([...blueprint.nodes].map(([name, plan]) => [name, {...plan, plan}]));
	return {policy: emptyPolicy('bound'), network: {nodes}, inventory: inventoryOf(blueprint)};
})();

for (const [line, words] of [
	['rules', ['--watch', '--all', 'b2', 'fw']],
	['connections', ['--watch', '--all', 'b2', 'fw']],
	['flows', ['--watch', '--all']],
	['firewall nftables-bridge', ['b2']],
	['h1 join', ['r1']],
	['bgp rib', ['r1']],
	['b1', []],
] as const) {
	test(`after "${line}", of a lab that runs: ${words.join(', ') || 'nothing'}`, t => {
		t.deepEqual(nextWords(splitWords(line), mixed), [...words]);
	});
}
