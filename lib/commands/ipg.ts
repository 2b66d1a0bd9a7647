/** `secrule ipg add|del|list|show`, also written `ipg …`: sets of addresses that rules name. */
import {ipgMembers, listIpgs} from '../policy/listing.ts';
import {parseMember} from '../policy/member.ts';
import type {IpgMember} from '../policy/model.ts';
import {refuseUnlessFree} from '../policy/names.ts';
import {addIpg, deleteIpg} from '../policy/repository.ts';
import type {Reader} from '../policy/reader.ts';
import {sortNames} from '../util/names.ts';
import {changing} from './change.ts';
import type {Command, Scene} from './command.ts';
import {numberedList} from './numbered-list.ts';
import {at, namesIn, takeIpg} from './reading.ts';
import {labWarnings} from './unguarded.ts';

/** Names in natural order. */
export type IpgListResult = readonly string[];

/** Members as text, by address, exclusions last. */
export type IpgShowResult = readonly string[];

type Edit = {readonly name: string; readonly members: readonly IpgMember[]};

export const ipgAddCommand = changing<Edit>({
	name: 'secrule ipg add',
	aliases: ['ipg add'],
	usage: 'secrule ipg add NAME [MEMBER …]',
	summary: 'declare an address set, or add members to one',
	details: 'MEMBER is an address, a prefix or FIRST-LAST, of either family. With ! in front it is left out, whatever else the set holds.',
	read(reader, scene) {
		return {name: takeAnyIpg(reader, scene), members: readMembers(reader, () => [])};
	},
	warnings: labWarnings,
	edit({name, members}, nodes) {
		return policy => addIpg(policy, nodes, name, members);
	},
});

export const ipgDelCommand = changing<Edit>({
	name: 'secrule ipg del',
	aliases: ['ipg del'],
	usage: 'secrule ipg del NAME [MEMBER …]',
	summary: 'take members out of an address set, or drop it',
	read(reader, scene) {
		const name = takeIpg(reader, scene);
		return {name, members: readMembers(reader, () => ipgMembers(scene.policy, name))};
	},
	edit({name, members}) {
		return policy => deleteIpg(policy, name, members);
	},
});

export const ipgListCommand: Command<undefined, IpgListResult> = {
	name: 'secrule ipg list',
	aliases: ['ipg list'],
	usage: 'secrule ipg list',
	summary: 'all address sets',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({policy}) {
		return Promise.resolve(listIpgs(policy));
	},
	text: numberedList,
};

export const ipgShowCommand: Command<string, IpgShowResult> = {
	name: 'secrule ipg show',
	aliases: ['ipg show'],
	usage: 'secrule ipg show NAME',
	summary: 'the members of an address set',
	read(reader, scene) {
		const name = takeIpg(reader, scene);
		reader.finish();
		return name;
	},
	async run({policy}, name) {
		return Promise.resolve(ipgMembers(policy, name));
	},
	text: numberedList,
};

/** A set that exists, or a name that is free for a new one. */
function takeAnyIpg(reader: Reader, scene: Scene): string {
	const {ipgs} = scene.policy;
	const word = reader.take(['name'], () => sortNames(ipgs.keys()));
	if (!ipgs.has(word.text)) {
		at(word, () => {
			refuseUnlessFree(namesIn(scene), 'IPG', word.text);
		});
	}

	return word.text;
}

function readMembers(reader: Reader, offers: () => readonly string[]): IpgMember[] {
	const members: IpgMember[] = [];
	while (reader.more(offers)) {
		members.push(parseMember(reader.take(['member'], offers)));
	}

	return members;
}
