/** `sg list`, `sg add NAME`, `sg del NAME`: groups as a whole. Members come and go by `NODE bind` and `NODE unbind`. */
import {listGroups} from '../policy/listing.ts';
import {addGroup, deleteGroup} from '../policy/repository.ts';
import {columns} from '../util/columns.ts';
import type {Word} from '../util/words.ts';
import {changing} from './change.ts';
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

export const sgAddCommand = changing<Word>({
	name: 'sg add',
	usage: 'sg add NAME',
	summary: 'declare an empty group',
	read(reader) {
		const word = reader.take(['name'], () => []);
		reader.finish();
		return word;
	},
	edit(word, nodes) {
		return policy => at(word, () => addGroup(policy, nodes, word.text));
	},
});

export const sgDelCommand = changing<string>({
	name: 'sg del',
	usage: 'sg del NAME',
	summary: 'drop a group that has no members and no rules',
	read(reader, scene) {
		const group = takeGroup(reader, scene);
		reader.finish();
		return group;
	},
	edit(group) {
		return policy => deleteGroup(policy, group);
	},
});
