/** `NODE bind GROUP …` and `NODE unbind GROUP …`: which groups a host is in. */
import {refuseUnlessFree, namesOf} from '../policy/names.ts';
import type {Reader} from '../policy/reader.ts';
import {bind, unbind} from '../policy/repository.ts';
import {sortNames} from '../util/names.ts';
import {type ChangeResult, change, changeText} from './change.ts';
import type {Command, Scene} from './command.ts';
import {at, takeAll, takeGroup, takeNode} from './reading.ts';

type Membership = {readonly host: string; readonly groups: readonly string[]};

export const bindCommand: Command<Membership, ChangeResult> = {
	name: 'NODE bind',
	usage: 'NODE bind GROUP …',
	summary: 'put a host into groups',
	details: 'A group exists from its first bind on. What the rules say of the group holds for the host at once.',
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		return {host, groups: takeAll(reader, () => groupNames(scene), () => takeAnyGroup(reader, scene))};
	},
	async run(lab, {host, groups}) {
		return change(lab, policy => bind(policy, lab.network.nodes, host, groups));
	},
	text: changeText,
};

export const unbindCommand: Command<Membership, ChangeResult> = {
	name: 'NODE unbind',
	usage: 'NODE unbind GROUP …',
	summary: 'take a host out of groups',
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		return {host, groups: takeAll(reader, () => groupNames(scene), () => takeGroup(reader, scene))};
	},
	async run(lab, {host, groups}) {
		return change(lab, policy => unbind(policy, lab.network.nodes, host, groups));
	},
	text: changeText,
};

/** A group that exists, or a name that is free for a new one. */
function takeAnyGroup(reader: Reader, scene: Scene): string {
	const word = reader.take(['group'], () => groupNames(scene));
	if (!scene.policy.groups.has(word.text)) {
		at(word, () => {
			refuseUnlessFree(namesOf(scene.policy, scene.network.nodes), 'group', word.text);
		});
	}

	return word.text;
}

function groupNames({policy}: Scene): string[] {
	return sortNames(policy.groups.keys());
}
