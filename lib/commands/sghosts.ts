/** `sghosts GROUP`: the members of a group, numbered. */
import {groupMembers} from '../policy/listing.ts';
import type {Command} from './command.ts';
import {numberedList} from './numbered-list.ts';
import {takeGroup} from './reading.ts';

/** Names of hosts in natural order. */
export type SghostsResult = readonly string[];

export const sghostsCommand: Command<string, SghostsResult> = {
	name: 'sghosts',
	usage: 'sghosts GROUP',
	summary: 'the members of a group',
	read(reader, scene) {
		const group = takeGroup(reader, scene);
		reader.finish();
		return group;
	},
	async run({policy}, group) {
		return Promise.resolve(groupMembers(policy, group));
	},
	text: numberedList,
};
