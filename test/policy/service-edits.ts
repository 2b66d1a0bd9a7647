import test from 'ava';
import {listServices} from '../../lib/policy/listing.ts';
import {type Policy, type ServicePorts, emptyPolicy} from '../../lib/policy/model.ts';
import {Reader} from '../../lib/policy/reader.ts';
import {addRule, addService, deleteService} from '../../lib/policy/repository.ts';
import {readServicePorts} from '../../lib/policy/service-ports.ts';
import {InputError} from '../../lib/util/errors.ts';
import {splitWords} from '../../lib/util/words.ts';
import {nodes, policy as known} from '../helpers/sentences.ts';

function ports(text: string): ServicePorts[] {
	const reader = new Reader(splitWords(text), 'secrule service add NAME PROTO/PORTS …');
	const read: ServicePorts[] = [];
	while (reader.more(() => [])) {
		read.push(readServicePorts(reader));
	}

	return read;
}

function declared(policy: Policy, name: string, text: string): Policy {
	return addService(policy, nodes, name, ports(text));
}

const empty = emptyPolicy('bound');

test('a service has one entry for each protocol, its ports united', t => {
	const policy = declared(empty, 'mixed', 'udp/53 tcp/{80, 443} tcp/http-alt tcp / 81 sctp/1-5');
	t.deepEqual(listServices(policy), [{name: 'mixed', ports: ['tcp/{80-81,443,8080}', 'udp/53', 'sctp/1-5']}]);
});

test('ports are added to a service; those that it has change nothing', t => {
	const policy = declared(empty, 'web', 'tcp/80');
	t.deepEqual(listServices(declared(policy, 'web', 'udp/443 tcp/443')), [{name: 'web', ports: ['tcp/{80,443}', 'udp/443']}]);
	t.is(declared(policy, 'web', 'tcp/80'), policy);
});

test('services are listed in natural order, and dropped', t => {
	const policy = declared(declared(empty, 's10', 'tcp/1'), 's9', 'tcp/1');
	t.deepEqual(listServices(policy).map(({name}) => name), ['s9', 's10']);
	t.deepEqual(listServices(deleteService(policy, 's9')).map(({name}) => name), ['s10']);
});

const refuses = test.macro({
	title: (_, what: string) => `refuses to ${what}`,
	exec(t, _what: string, edit: () => unknown, code: string, says: RegExp) {
		t.is(t.throws(edit, {instanceOf: InputError, message: says}).code, code);
	},
});

const used = addRule(known, {action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}, traffic: {kind: 'services', names: ['dns', 'web']}});
test(refuses, 'declare a service without ports', () => addService(empty, nodes, 'web', []), 'usage', /secrule service add web PROTO\/PORTS/);
test(refuses, 'name a service like a node', () => declared(empty, 'h1', 'tcp/1'), 'name-taken', /already names a host/);
test(refuses, 'name a service like a rule', () => declared(known, 'first', 'tcp/1'), 'name-taken', /already names a rule/);
test(refuses, 'name a service like a word of the prompt', () => declared(known, 'tcp', 'tcp/1'), 'reserved-name', /word of the prompt/);
test(refuses, 'drop an unknown service', () => deleteService(known, 'wep'), 'unknown-service', /Did you mean web/);
test(refuses, 'drop a service in use', () => deleteService(used, 'web'), 'in-use', /Service web is used by rule 3 \(allow any to any service dns,web\)\. .*secrule del 3/);

const misreads = test.macro({
	title: (_, text: string) => `refuses: ${text}`,
	exec(t, text: string, code: string, column: number, expected: string[]) {
		const error = t.throws(() => ports(text), {instanceOf: InputError});
		t.deepEqual([error.code, error.details.column, error.details.expected], [code, column, expected]);
	},
});

test(misreads, 'tpc/80', 'syntax', 1, ['tcp', 'udp', 'sctp']);
test(misreads, 'icmp/1', 'syntax', 1, ['tcp', 'udp', 'sctp']);
test(misreads, 'tcp', 'syntax', 4, ['/']);
test(misreads, 'tcp 80', 'syntax', 5, ['/']);
test(misreads, 'tcp/', 'syntax', 5, ['{', 'port', 'first-last', 'name of a port']);
test(misreads, 'tcp/90-80', 'port', 5, ['port', 'first-last', 'name of a port']);
test(misreads, 'tcp/80,443', 'syntax', 7, ['tcp', 'udp', 'sctp']);
