import test from 'ava';
import {refuses} from '../helpers/sentences.ts';

const clauses = ['tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'proto', 'service', 'stateful', 'stateless', 'prio', 'before', 'after', 'log', 'rate', 'name', 'comment'];
const denied = clauses.filter(word => word !== 'rate');

//             1234567890123456789012345678901234567890
test(refuses, 'secrule add allow any to any tcpp', {code: 'syntax', column: 30, expected: clauses, nearest: ['tcp', 'icmp', 'sctp'], says: /"tcpp" stands where a clause should\. Did you mean tcp or icmp or sctp\?/});
test(refuses, 'secrule add allow any to any "tcp"', {code: 'syntax', column: 30, nearest: ['tcp'], says: /"tcp" stands where a clause should/});
test(refuses, 'secrule add allow any to any dport 80', {code: 'syntax', column: 30, nearest: [], says: /"dport" goes with the words before it in: tcp dport 80/});
test(refuses, 'secrule add allow any to any sport 80 tcp', {code: 'syntax', column: 30, says: /"sport" goes with the words before it/});
test(refuses, 'secrule add allow any to any icmp dport 80', {code: 'syntax', column: 35, expected: ['type', ...clauses], says: /"dport" goes with/});
test(refuses, 'secrule add allow any to any type echo-request', {code: 'syntax', column: 30, nearest: [], says: /"type" goes with the words before it in: icmp type/});
test(refuses, 'secrule add allow any to any burst 5', {code: 'syntax', column: 30, nearest: [], says: /"burst" goes with the words before it in: rate/});
test(refuses, 'secrule add allow any to any tcp dprot 80', {code: 'syntax', column: 34, expected: ['sport', 'dport', ...clauses], nearest: ['dport', 'proto'], says: /Did you mean dport/});
test(refuses, 'secrule add allow any to any tcp 443', {code: 'syntax', column: 34, nearest: [], says: /"443" stands where a clause should\. Did you mean tcp dport 443\?/});
test(refuses, 'secrule add allow any to any udp sport 53 domain stateless', {code: 'syntax', column: 43, says: /Did you mean udp dport domain\?/});
test(refuses, 'secrule add allow any to any tcp dport 80 443', {code: 'syntax', column: 43, says: /Several ports stand in braces/});
test(refuses, 'secrule add allow any to any tcp dport 80 dport 90', {code: 'syntax', column: 43, says: /"dport" goes with/});

test(refuses, 'secrule add allow any to any tcp udp', {code: 'duplicate-clause', column: 34, expected: clauses.slice(7), says: /"udp" and "tcp" exclude each other: a sentence has one traffic clause\. .*declare a service/});
test(refuses, 'secrule add allow any to any tcp log tcp', {code: 'duplicate-clause', column: 38, says: /"tcp" stands twice/});
test(refuses, 'secrule add allow any to any stateless stateful', {code: 'duplicate-clause', column: 40, says: /"stateful" and "stateless" exclude each other: a sentence has one state clause\.$/});
test(refuses, 'secrule add allow any to any prio 5 before 1', {code: 'duplicate-clause', column: 37, says: /"before" and "prio" exclude each other: a sentence has one place clause/});
test(refuses, 'secrule add allow any to any after 1 prio 5', {code: 'duplicate-clause', column: 38, says: /"prio" and "after" exclude each other/});
test(refuses, 'secrule add allow any to any log log', {code: 'duplicate-clause', column: 34, says: /"log" stands twice/});
test(refuses, 'secrule add allow any to any rate 5/s rate 6/s', {code: 'duplicate-clause', column: 39, says: /"rate" stands twice/});
test(refuses, 'secrule add allow any to any name a name b', {code: 'duplicate-clause', column: 37, says: /"name" stands twice/});
test(refuses, 'secrule add allow any to any comment a comment b', {code: 'duplicate-clause', column: 40, says: /"comment" stands twice/});

test(refuses, 'secrule add allow any to any icmp type', {code: 'syntax', column: 39, expected: ['ICMP type'], says: /go on with ICMP type/});
test(refuses, 'secrule add allow any to any icmp type ecko-request', {code: 'unknown-icmp-type', column: 40, nearest: ['echo-request', 'echo-reply'], says: /no ICMP type "ecko-request"\. Did you mean echo-request/});
test(refuses, 'secrule add allow any to any icmp6 type timestamp-reply', {code: 'unknown-icmp-type', column: 41, says: /ICMPv6 has no timestamp-reply/});

test(refuses, 'secrule add allow any to any proto', {code: 'syntax', column: 35, expected: ['number'], says: /go on with number/});
test(refuses, 'secrule add allow any to any proto 256', {code: 'number', column: 36, says: /"256" cannot follow proto: a number from 0 to 255 does/});
test(refuses, 'secrule add allow any to any proto gre', {code: 'number', column: 36, says: /"gre" cannot follow proto/});

test(refuses, 'secrule add allow any to any service', {code: 'syntax', column: 37, expected: ['service'], says: /go on with service/});
test(refuses, 'secrule add allow any to any service wep', {code: 'unknown-service', column: 38, nearest: ['web'], says: /no service "wep"\. Did you mean web/});
test(refuses, 'secrule add allow any to any service web,dn', {code: 'unknown-service', column: 42, nearest: ['dns'], says: /no service "dn"/});
test(refuses, 'secrule add allow any to any service web,', {code: 'syntax', column: 42, expected: ['service'], says: /go on with service/});
test(refuses, 'secrule add allow any to any service sg1', {code: 'unknown-service', column: 38, nearest: [], says: /no service "sg1"/});

test(refuses, 'secrule add allow any to any prio -1', {code: 'number', column: 35, says: /from 0 to 65535/});
test(refuses, 'secrule add allow any to any prio 65536', {code: 'number', column: 35, says: /from 0 to 65535/});
test(refuses, 'secrule add allow any to any prio 1e3', {code: 'number', column: 35, says: /"1e3"/});
test(refuses, 'secrule add allow any to any before', {code: 'syntax', column: 36, expected: ['rule id', 'rule name'], says: /rule id or rule name/});
test(refuses, 'secrule add allow any to any before 9', {code: 'unknown-rule', column: 37, nearest: [], says: /no rule "9"\. .*secrule list/});
test(refuses, 'secrule add allow any to any after fist', {code: 'unknown-rule', column: 36, nearest: ['first'], says: /Did you mean first\?/});

test(refuses, 'secrule add deny any to any rate 5/s', {code: 'rate', column: 29, expected: denied, says: /A deny rule lets nothing pass/});
test(refuses, 'secrule add reject any to any rate 5/s', {code: 'rate', column: 31, says: /A reject rule/});
test(refuses, 'secrule add allow any to any rate', {code: 'syntax', column: 34, expected: ['N/s'], says: /go on with N\/s/});
test(refuses, 'secrule add allow any to any rate 5', {code: 'rate', column: 35, expected: ['N/s'], says: /"5" is no rate\. Write it like 10\/s/});
test(refuses, 'secrule add allow any to any rate 5/m', {code: 'rate', column: 35, says: /no rate/});
test(refuses, 'secrule add allow any to any rate 0/s', {code: 'rate', column: 35, says: /from 1\/s to 10000\/s/});
test(refuses, 'secrule add allow any to any rate 10001/s', {code: 'rate', column: 35, says: /from 1\/s to 10000\/s/});
test(refuses, 'secrule add allow any to any rate 5/s burst 0', {code: 'number', column: 45, says: /"0" cannot follow burst: a number from 1 to 10000 does/});
test(refuses, 'secrule add allow any to any rate 5/s burst', {code: 'syntax', column: 44, expected: ['number'], says: /go on with number/});

test(refuses, 'secrule add allow any to any log hello', {code: 'syntax', column: 34, says: /"hello" stands where a clause should/});
test(refuses, 'secrule add allow any to any log "a\u0007b"', {code: 'text', column: 36, says: /U\+0007/});
test(refuses, 'secrule add allow any to any comment "all\u202Eyned"', {code: 'text', column: 42, says: /U\+202E/});
test(refuses, 'secrule add allow any to any log "a b\u200Bc"', {code: 'text', column: 38, says: /U\+200B/});
test(refuses, 'secrule add allow any to any comment a\u2028b', {code: 'text', column: 39, says: /U\+2028/});
test(refuses, 'secrule add allow any to any comment "a\u{E0041}b"', {code: 'text', column: 40, says: /U\+E0041/});
test(refuses, 'secrule add allow any to any comment a\uD800b', {code: 'text', column: 39, says: /U\+D800/});
test(refuses, `secrule add allow any to any log "${'x'.repeat(201)}"`, {code: 'text', column: 34, says: /at most 200 characters/});
test(refuses, 'secrule add allow any to any comment', {code: 'syntax', column: 37, expected: ['"text"'], says: /go on with "text"/});
test(refuses, 'secrule add allow any to any comment "\uD800"', {code: 'text', column: 39, says: /cannot be kept/});
test(refuses, 'secrule add allow any to any comment for web', {code: 'syntax', column: 42, says: /"web" stands where a clause should/});

test(refuses, 'secrule add allow any to any name', {code: 'syntax', column: 34, expected: ['name'], says: /go on with name/});
test(refuses, 'secrule add allow any to any name 1st', {code: 'name', column: 35, says: /cannot name a rule/});
test(refuses, 'secrule add allow any to any name log', {code: 'reserved-name', column: 35, says: /word of the prompt/});
test(refuses, 'secrule add allow any to any name sg1', {code: 'name-taken', column: 35, says: /already names a group/});
test(refuses, 'secrule add allow any to any name h1', {code: 'name-taken', column: 35, says: /already names a host/});
test(refuses, 'secrule add allow any to any name web', {code: 'name-taken', column: 35, says: /already names a service/});
test(refuses, 'secrule add allow any to any name first', {code: 'name-taken', column: 35, says: /already names a rule/});
