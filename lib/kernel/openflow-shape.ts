/** What a change of flows has in common with others that a switch can read if it can read one of them. Pure. */
import type {FlowChange} from './openflow-flow.ts';

/** Of these any value can be read: the encoding has refused bits outside of a mask already. Everything else, masks too, stays. */
const anyValue = /\b((?:cookie|priority|reg\d+|(?:nw|ipv6)_(?:src|dst))=)[^,/\s]+/g;
const anyRegister = /\bset_field:[^,/\s]+(?=(?:\/[^,\s]+)?->reg\d)/g;

const shapes = new WeakMap<FlowChange, string>();

/**
Whether a switch can read a flow mod depends on its table, on which fields it matches and how they are masked, and on its actions, but not on addresses, numbers of registers, priorities and cookies.
Whether it can make it is another question, and asked when a bundle is committed.
*/
export function shapeOf(change: FlowChange): string {
	const shape = shapes.get(change) ?? change.line.replaceAll(anyValue, '$1').replaceAll(anyRegister, 'set_field:');
	shapes.set(change, shape);
	return shape;
}
