import test from 'ava';
import {ruleOf, groupMembers, groupsOf, ipgMembers, listGroups, listIpgs, rulesUsing} from '../../lib/policy/listing.ts';
import {parseMember} from '../../lib/policy/member.ts';
import {type IpgMember, type Policy, emptyPolicy} from '../../lib/policy/model.ts';
import type {Nodes} from '../../lib/policy/names.ts';
import {addGroup, addIpg, addRule, addService, bind, deleteGroup, deleteIpg, deleteRules, setMode, setRevocation, unbind} from '../../lib/policy/repository.ts';
import {InputError} from '../../lib/util/errors.ts';
import {sentence} from '../../lib/policy/grammar.ts';
import {policyOf} from '../helpers/arbitrary-policy.ts';

const nodes: Nodes = new Map([['h2', {kind: 'host'}], ['h10', {kind: 'host'}], ['h30', {kind: 'host'}], ['s1', {kind: 'switch'}], ['fw', {kind: 'router'}]]);
const empty = emptyPolicy('bound');

function given(...lines: string[]): Policy {
	return policyOf(lines, {nodes: nodes as never});
}

function members(text: string): IpgMember[] {
	return text.split(' ').map(word => parseMember({text: word, column: 1, quoted: false}));
}

const port53 = [{protocol: 'udp', dport: [{first: 53, last: 53}]}] as const;

function named(policy: Policy): Policy {
	return addRule(policy, {action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}, name: 'front'}, nodes);
}

const story = given('h30 bind web', 'h2 bind web', 'h10 bind web', 'h2 bind db', 'ipg add office 10.1.0.0/16 !10.1.2.3', 'secrule add allow web to db', 'secrule add deny office to web');

test('a group exists from its first bind on and stays when its last member leaves', t => {
	const bound = bind(empty, nodes, 'h30', ['web', 'db']);
	t.deepEqual(listGroups(bound), [{name: 'db', size: 1}, {name: 'web', size: 1}]);
	t.deepEqual(listGroups(unbind(bound, nodes, 'h30', ['web'])), [{name: 'db', size: 1}, {name: 'web', size: 0}]);
	t.deepEqual(listGroups(empty), []);
});

test('members and groups are in natural order', t => {
	t.deepEqual(groupMembers(story, 'web'), ['h2', 'h10', 'h30']);
	t.deepEqual(groupsOf(story, 'h2'), ['db', 'web']);
	t.deepEqual(groupsOf(story, 's1'), []);
});

test('an edit that changes nothing returns the same policy, one that does leaves the old one as it was', t => {
	t.is(bind(story, nodes, 'h2', ['web', 'db']), story);
	t.is(addIpg(story, nodes, 'office', members('10.1.0.0-10.1.255.255')), story);
	unbind(story, nodes, 'h2', ['db']);
	deleteRules(story, [1]);
	t.deepEqual(groupMembers(story, 'db'), ['h2']);
	t.is(story.rules.length, 2);
});

test('an unchanged group keeps its object, so that compilers may go by identity', t => {
	t.is(bind(story, nodes, 'h30', ['db']).groups.get('web'), story.groups.get('web'));
});

test('a set is declared empty, filled, thinned out and dropped', t => {
	const declared = addIpg(empty, nodes, 'lan', []);
	t.deepEqual(ipgMembers(declared, 'lan'), []);
	const filled = addIpg(addIpg(declared, nodes, 'lan', members('10.0.0.10 10.0.0.9')), nodes, 'lan', members('10.0.0.9 !10.0.0.0/8'));
	t.deepEqual(ipgMembers(filled, 'lan'), ['10.0.0.9', '10.0.0.10', '!10.0.0.0/8']);
	t.deepEqual(ipgMembers(deleteIpg(filled, 'lan', members('!10.0.0.0/8 10.0.0.9')), 'lan'), ['10.0.0.10']);
	t.deepEqual(listIpgs(deleteIpg(filled, 'lan')), []);
});

test('a member of a set in use may go, the set may not', t => {
	t.deepEqual(ipgMembers(deleteIpg(story, 'office', members('10.1.0.0/16')), 'office'), ['!10.1.2.3']);
	t.throws(() => deleteIpg(story, 'office'), {instanceOf: InputError});
});

test('mode and revocation are set, or stay the same policy', t => {
	t.is(setMode(story, true), story);
	t.false(setMode(story, false).stateful);
	t.is(setRevocation(story, 'cut'), story);
	t.is(setRevocation(story, 'keep').revocation, 'keep');
});

test('rule ids are never used again', t => {
	const shorter = deleteRules(story, [2, 2]);
	const rule = {action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}} as const;
	t.deepEqual(addRule(addRule(shorter, rule), rule).rules.map(({id}) => id), [1, 3, 4]);
	t.is(sentence(ruleOf(story, 2)), 'deny office to web');
});

test('rules that use a name are found on both sides, and by kind', t => {
	t.deepEqual(rulesUsing(story, 'web').map(({id}) => id), [1, 2]);
	t.deepEqual(rulesUsing(given('secrule add allow h2 to h10'), 'h2'), []);
	const nested = given('sg add web', 'sg add db', 'secrule add allow any to not (h2, not db)');
	t.deepEqual([rulesUsing(nested, 'db').length, rulesUsing(nested, 'web').length], [1, 0]);
});

test('an empty, unused group is dropped', t => {
	t.deepEqual(listGroups(deleteGroup(addGroup(empty, nodes, 'web'), 'web')), []);
});

const refuses = test.macro({
	title: (_, what: string) => `refuses to ${what}`,
	exec(t, _what: string, edit: (policy: Policy) => unknown, code: string, says: RegExp) {
		t.is(t.throws(() => edit(story), {instanceOf: InputError, message: says}).code, code);
	},
});

test(refuses, 'bind an unknown node', policy => bind(policy, nodes, 'h3', ['web']), 'unknown-node', /no node "h3"\. Did you mean h2 or h30/);
test(refuses, 'bind a switch', policy => bind(policy, nodes, 's1', ['web']), 'not-a-host', /s1 is a switch; only hosts join groups/);
test(refuses, 'bind a router', policy => bind(policy, nodes, 'fw', ['web']), 'not-a-host', /fw is a router/);
test(refuses, 'bind to nothing', policy => bind(policy, nodes, 'h2', []), 'usage', /h2 bind GROUP/);
test(refuses, 'bind to a set', policy => bind(policy, nodes, 'h2', ['office']), 'name-taken', /already names an IPG/);
test(refuses, 'bind to a node', policy => bind(policy, nodes, 'h2', ['h30']), 'name-taken', /already names a host/);
test(refuses, 'bind to a word of the grammar', policy => bind(policy, nodes, 'h2', ['any']), 'reserved-name', /word of the prompt/);
test(refuses, 'bind to a good and a bad group', policy => bind(policy, nodes, 'h2', ['new', '$(x)']), 'name', /\$\(x\)/);
test(refuses, 'unbind an unknown group', policy => unbind(policy, nodes, 'h2', ['wep']), 'unknown-group', /no group "wep"\. Did you mean web\?/);
test(refuses, 'unbind a host that is no member', policy => unbind(policy, nodes, 'h30', ['db']), 'not-a-member', /h30 is not in group db; it is in web/);
test(refuses, 'unbind a router', policy => unbind(policy, nodes, 'fw', ['db']), 'not-a-host', /only hosts/);
test(refuses, 'declare a group twice', policy => addGroup(policy, nodes, 'web'), 'name-taken', /already names a group/);
test(refuses, 'delete an unknown group', policy => deleteGroup(policy, 'x'), 'unknown-group', /no group "x"/);
test(refuses, 'delete a group in use', policy => deleteGroup(policy, 'web'), 'in-use', /used by rule 1 \(allow web to db\), 2 \(deny office to web\)\. .*secrule del 1 2/);
test(refuses, 'delete a group with members', policy => deleteGroup(deleteRules(policy, [1]), 'db'), 'in-use', /still has h2.*h2 unbind db/);
test(refuses, 'declare a set twice', policy => addIpg(policy, nodes, 'office', []), 'name-taken', /already names an IPG/);
test(refuses, 'name a set like a group', policy => addIpg(policy, nodes, 'web', members('10.0.0.1')), 'name-taken', /already names a group/);
test(refuses, 'delete a set in use', policy => deleteIpg(policy, 'office'), 'in-use', /IPG office is used by rule 2/);
test(refuses, 'delete an unknown set', policy => deleteIpg(policy, 'ofice'), 'unknown-ipg', /Did you mean office/);
test(refuses, 'remove a member that is none', policy => deleteIpg(policy, 'office', members('10.1.0.0/16 10.1.2.3')), 'not-a-member', /no member 10\.1\.2\.3.*secrule ipg show office/);
test(refuses, 'delete a group in use inside a list', () => deleteGroup(given('sg add db', 'secrule add allow any to (h2, not db)'), 'db'), 'in-use', /Group db is used by rule 1/);
test(refuses, 'bind to a service', policy => bind(addService(policy, nodes, 'dns', port53), nodes, 'h2', ['dns']), 'name-taken', /already names a service/);
test(refuses, 'bind to a rule', policy => bind(named(policy), nodes, 'h2', ['front']), 'name-taken', /already names a rule/);
test(refuses, 'name a set like a service', policy => addIpg(addService(policy, nodes, 'dns', port53), nodes, 'dns', []), 'name-taken', /already names a service/);
test(refuses, 'name a group like a rule', policy => addGroup(named(policy), nodes, 'front'), 'name-taken', /already names a rule/);
test(refuses, 'delete an unknown rule', policy => deleteRules(policy, [1, 7]), 'unknown-rule', /no rule 7\. There are 1, 2; secrule list/);
test(refuses, 'delete no rule', policy => deleteRules(policy, []), 'usage', /secrule del ID/);
test(refuses, 'delete a rule where none is', () => deleteRules(empty, [1]), 'unknown-rule', /There are no rules yet/);
test(refuses, 'add a rule about an unknown group', policy => addRule(policy, {action: 'allow', from: {kind: 'group', name: 'x'}, to: {kind: 'any'}}), 'unknown-group', /no group "x"/);
test(refuses, 'add a rule about an unknown set', policy => addRule(policy, {action: 'allow', from: {kind: 'any'}, to: {kind: 'ipg', name: 'x'}}), 'unknown-ipg', /no IPG "x"/);
