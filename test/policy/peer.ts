import test from 'ava';
import {deepestPeer} from '../../lib/policy/peer.ts';
import {parse, refuses} from '../helpers/sentences.ts';

const peers = ['any', 'group', 'IPG', 'node', 'address', 'prefix', 'not', '('];

//             123456789012345678901234567890
test(refuses, 'secrule add allow', {code: 'syntax', column: 18, expected: peers, says: /any, group, IPG, node, address, prefix, not or \(/});
test(refuses, 'secrule add allow sg1 to', {code: 'syntax', column: 25, expected: peers, says: /should go on with/});
test(refuses, 'secrule add allow sg3 to sg2', {code: 'unknown-peer', column: 19, expected: peers, nearest: ['sg1', 'sg2'], says: /no group, IPG or node "sg3"\. Did you mean sg1 or sg2\?.*NODE bind GROUP/});
test(refuses, 'secrule add allow sg1 to ofice', {code: 'unknown-peer', column: 26, expected: peers, nearest: ['office'], says: /"ofice"/});
test(refuses, 'secrule add allow to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /"to"/});
test(refuses, 'secrule add allow "any" to sg2', {code: 'unknown-peer', column: 19, expected: peers, nearest: ['any'], says: /"any"/});
test(refuses, 'secrule add allow constructor to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /"constructor"/});
test(refuses, 'secrule add allow s1 to sg2', {code: 'peer', column: 19, expected: peers, says: /^s1 has no address/});
test(refuses, 'secrule add allow b1 to sg2', {code: 'peer', column: 19, expected: peers, says: /^b1 has no address/});
test(refuses, 'secrule add allow web to sg2', {code: 'peer', column: 19, expected: peers, says: /^web is a service, and stands for no addresses/});
test(refuses, 'secrule add allow any to first', {code: 'peer', column: 26, expected: peers, says: /^first is a rule/});
test(refuses, 'secrule add allow 10.0.0.1/8 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], nearest: ['10.0.0.0/8'], says: /Its network is 10\.0\.0\.0\/8/});
test(refuses, 'secrule add allow 10.0.0 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /"10\.0\.0" is not an address or a prefix/});
test(refuses, 'secrule add allow 10.0.0.256 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /10\.0\.0\.256/});
test(refuses, 'secrule add allow 10.0.0.0/33 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /is not an address or a prefix/});
test(refuses, 'secrule add allow fe80::1%eth0 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /%eth0/});
test(refuses, 'secrule add allow 10.0.0.1-10.0.0.9 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /ranges and exclusions belong in an IPG/});
test(refuses, 'secrule add allow !10.0.0.1 to sg2', {code: 'address', column: 19, expected: ['address', 'prefix'], says: /belong in an IPG/});
test(refuses, 'secrule add allow $(reboot) to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /"\$"/});
test(refuses, 'secrule add allow "" to sg2', {code: 'unknown-peer', column: 19, expected: peers, says: /node ""/});
test(refuses, 'secrule add allow () to sg2', {code: 'unknown-peer', column: 20, expected: peers, says: /"\)"/});
test(refuses, 'secrule add allow (sg1,) to sg2', {code: 'unknown-peer', column: 24, expected: peers, says: /"\)"/});
test(refuses, 'secrule add allow (sg1 sg2) to any', {code: 'syntax', column: 24, expected: [',', ')'], says: /"sg2" stands where , or \) should/});
test(refuses, 'secrule add allow (sg1, sg2 to any', {code: 'syntax', column: 29, expected: [',', ')'], says: /"to" stands where , or \) should/});
test(refuses, 'secrule add allow (sg1, "sg2"', {code: 'syntax', column: 30, expected: [',', ')'], says: /go on with , or \)/});
test(refuses, 'secrule add allow (sg1,"sg3") to any', {code: 'unknown-peer', column: 24, nearest: ['sg1', 'sg2'], says: /"sg3"/});
test(refuses, 'secrule add allow (sg1, not sg3) to any', {code: 'unknown-peer', column: 29, nearest: ['sg1', 'sg2'], says: /"sg3"/});
test(refuses, 'secrule add allow sg1) to any', {code: 'syntax', column: 22, expected: ['to'], says: /"\)" stands where to should/});
test(refuses, 'secrule add allow not', {code: 'syntax', column: 22, expected: peers, says: /should go on with/});

test('peers stand in each other, but not without end', t => {
	const line = (depth: number) => `secrule add allow ${'not '.repeat(depth)}sg1 to any`;
	t.notThrows(() => parse(line(deepestPeer)));
	t.throws(() => parse(line(deepestPeer + 1)), {code: 'peer', message: /more than 16 deep/});
	t.throws(() => parse(`secrule add allow ${'('.repeat(100_000)}`), {code: 'peer'});
});
