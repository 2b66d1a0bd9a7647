/** `sg list`, `sg add NAME`, `sg del NAME`: groups as a whole. Members come and go by `NODE bind` and `NODE unbind`. */
import {listGroups} from '../policy/listing.ts';
import {addGroup, deleteGroup} from '../policy/repository.ts';
import {columns} from '../util/columns.ts';
import type {Word} from '../util/words.ts';
import {type ChangeResult, change, changeText} from './change.ts';
import type {Command} from './command.ts';
import {at, takeGroup} from './reading.ts';

/** By name in natural order. */
export type SgListResult = ReadonlyArray<{readonly name: string; readonly size: number}>;

export const sgListCommand: Command<undefined, SgListResult> = {
	name: 'sg list',
	usage: 'sg list',
	summary: 'all groups with their sizes',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({policy}) {
		return Promise.resolve(listGroups(policy));
	},
	text(groups) {
		return columns([['group', 'hosts'], ...groups.map(({name, size}) => [name, String(size)])]);
	},
};

export const sgAddCommand: Command<Word, ChangeResult> = {
	name: 'sg add',
	usage: 'sg add NAME',
	summary: 'declare an empty group',
	read(reader) {
		const word = reader.take(['name'], () => []);
		reader.finish();
		return word;
	},
	async run(lab, word) {
		return change(lab, policy => at(word, () => addGroup(policy, lab.network.nodes, word.text)));
	},
	text: changeText,
};

export const sgDelCommand: Command<string, ChangeResult> = {
	name: 'sg del',
	usage: 'sg del NAME',
	summary: 'drop a group that has no members and no rules',
	read(reader, scene) {
		const group = takeGroup(reader, scene);
		reader.finish();
		return group;
	},
	async run(lab, group) {
		return change(lab, policy => deleteGroup(policy, group));
	},
	text: changeText,
};
