/** Which changes of flows a switch can read if it can read another. */
import test from 'ava';
import {encodeFlow} from '../../lib/kernel/openflow-flow.ts';
import {shapeOf} from '../../lib/kernel/openflow-shape.ts';

const shape = (line: string) => shapeOf(encodeFlow(line));
const line = 'add table=5,priority=1032,ip,nw_src=10.0.3.8,reg0=0x1/0x3,cookie=0x40,actions=set_field:0x30->reg0,set_field:0x40000/0xffff0000->reg14,goto_table:6';

const alike: ReadonlyArray<readonly [what: string, line: string]> = [
	['another address', line.replace('10.0.3.8', '10.99.0.1')],
	['other numbers of registers', line.replace('0x1/', '0x2/').replace('0x30', '7').replace('0x40000', '0x50000')],
	['another priority and cookie', line.replace('1032', '9').replace('0x40,', '0x41,')],
];
for (const [what, other] of alike) {
	test(`alike: ${what}`, t => {
		t.not(other, line);
		t.is(shape(other), shape(line));
	});
}

test('alike: addresses of IPv6, and the same without a mask', t => {
	t.is(shape('delete_strict table=6,priority=1,ipv6,ipv6_dst=fd00::1'), shape('delete_strict table=6,priority=2,ipv6,ipv6_dst=2001:db8::7'));
});

const unlike: ReadonlyArray<readonly [what: string, line: string]> = [
	['another mask of an address', line.replace('10.0.3.8', '10.0.3.0/24')],
	['another mask of a register in the match', line.replace('0x1/0x3', '0x1/0x1')],
	['another mask of a register in an action', line.replace('0xffff0000', '0xff0000')],
	['a register without its mask', line.replace('/0xffff0000', '')],
	['another register', line.replace('->reg0', '->reg1')],
	['another table', line.replace('table=5', 'table=4')],
	['a table to go to', line.replace('goto_table:6', 'goto_table:7')],
	['another field', line.replace('nw_src', 'nw_dst')],
	['another command', line.replace('add', 'modify').replace('cookie=0x40,', '')],
	['a field more', line.replace('ip,', 'tcp,tp_dst=80,')],
	['an action more', line.replace('goto_table', 'set_field:1->ct_mark,goto_table')],
];
for (const [what, other] of unlike) {
	test(`not alike: ${what}`, t => {
		t.not(other, line);
		t.not(shapeOf({line: other, message: Buffer.alloc(0)}), shapeOf({line, message: Buffer.alloc(0)}));
	});
}

test('not alike: numbers of other fields', t => {
	t.not(shape('add tcp,tp_dst=80,actions=output:1'), shape('add tcp,tp_dst=81,actions=output:1'));
	t.not(shape('add tcp,actions=output:1'), shape('add tcp,actions=output:2'));
	t.not(shape('add ip,actions=set_field:1->ct_mark'), shape('add ip,actions=set_field:2->ct_mark'));
});
