import test from 'ava';
import {compareMembers, memberKey, parseMember, resolveMembers} from '../../lib/policy/member.ts';
import type {IpgMember} from '../../lib/policy/model.ts';
import {formatAddress, formatPrefix} from '../../lib/util/address.ts';
import {InputError} from '../../lib/util/errors.ts';

function member(text: string): IpgMember {
	return parseMember({text, column: 17, quoted: false});
}

const reads = test.macro({
	title: (_, text: string) => `reads ${text}`,
	exec(t, text: string, first: string, last: string, normal?: string) {
		const read = member(text);
		t.deepEqual([read.excluded, formatAddress(read.first), formatAddress(read.last), read.text], [text.startsWith('!'), first, last, normal ?? text]);
	},
});

test(reads, '10.0.0.1', '10.0.0.1', '10.0.0.1');
test(reads, '10.0.0.1/32', '10.0.0.1', '10.0.0.1', '10.0.0.1');
test(reads, '10.1.0.0/16', '10.1.0.0', '10.1.255.255');
test(reads, '0.0.0.0/0', '0.0.0.0', '255.255.255.255');
test(reads, '!10.1.2.3', '10.1.2.3', '10.1.2.3');
test(reads, '!10.1.2.0/24', '10.1.2.0', '10.1.2.255');
test(reads, '10.0.0.1-10.0.0.9', '10.0.0.1', '10.0.0.9');
test(reads, '!10.0.0.1-10.0.0.9', '10.0.0.1', '10.0.0.9');
test(reads, '10.0.0.1-10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.1');
test(reads, 'fd00::/64', 'fd00::', 'fd00::ffff:ffff:ffff:ffff');
test(reads, '!FD00::1-fd00:0::9', 'fd00::1', 'fd00::9', '!fd00::1-fd00::9');

const refuses = test.macro({
	title: (_, text: string) => `refuses "${text}"`,
	exec(t, text: string, column: number, nearest: readonly string[], says: RegExp) {
		const {details} = t.throws(() => member(text), {instanceOf: InputError, message: says});
		t.deepEqual([details.column, details.nearest], [column, nearest]);
		t.not(details.expected?.length, 0);
	},
});

test(refuses, '', 17, [], /Write it like/);
test(refuses, '!', 18, [], /Write it like/);
test(refuses, '!!10.0.0.1', 18, [], /"!10\.0\.0\.1" is not an address/);
test(refuses, 'sg1', 17, [], /"sg1" is not an address, a prefix or a range/);
test(refuses, '10.0.0.1/24', 17, ['10.0.0.0/24', '10.0.0.1'], /Its network is 10\.0\.0\.0\/24/);
test(refuses, '10.0.0.9-10.0.0.1', 17, ['10.0.0.1-10.0.0.9'], /ends before it begins\. Write 10\.0\.0\.1-10\.0\.0\.9/);
test(refuses, '10.0.0.1-fd00::1', 26, [], /mixes IPv4 and IPv6/);
test(refuses, '10.0.0.1-', 26, [], /"" is not an address/);
test(refuses, '!10.0.0-10.0.0.9', 18, [], /"10\.0\.0" is not an address/);
test(refuses, '10.0.0.1-10.0.0.2-10.0.0.3', 26, [], /not an address/);
test(refuses, '10.0.0.0/24-10.0.1.0/24', 17, [], /not an address/);

test('a prefix and the same range are one member, an exclusion is another', t => {
	t.is(memberKey(member('10.0.0.0/24')), memberKey(member('10.0.0.0-10.0.0.255')));
	t.not(memberKey(member('10.0.0.0/24')), memberKey(member('!10.0.0.0/24')));
	t.not(memberKey(member('0.0.0.1')), memberKey(member('::1')));
});

test('members are listed by address, exclusions last', t => {
	const texts = ['!10.0.0.0', 'fd00::1', '10.0.0.10', '10.0.0.2', '10.0.0.2/31', '!9.0.0.0/8'];
	t.deepEqual(texts.map(member).sort(compareMembers).map(({text}) => text), ['10.0.0.2', '10.0.0.2/31', '10.0.0.10', 'fd00::1', '!9.0.0.0/8', '!10.0.0.0']);
});

const resolves = test.macro({
	title: (_, members: string) => `${members === '' ? 'nothing' : members} resolves`,
	exec(t, members: string, expected: string) {
		t.is(resolveMembers(members.split(' ').filter(Boolean).map(member)).map(formatPrefix).join(' '), expected);
	},
});

test(resolves, '', '');
test(resolves, '10.0.0.0/30 !10.0.0.1', '10.0.0.0 10.0.0.2/31');
test(resolves, '!10.0.0.0/30 10.0.0.1', '');
test(resolves, '!10.0.0.0/8', '');
test(resolves, '10.0.0.1-10.0.0.6', '10.0.0.1 10.0.0.2/31 10.0.0.4/31 10.0.0.6');
test(resolves, 'fd00::/127 10.0.0.0/25 10.0.0.128/25', '10.0.0.0/24 fd00::/127');
