/** `NODE bind GROUP …` and `NODE unbind GROUP …`: which groups a host is in. */
import {refuseUnlessFree} from '../policy/names.ts';
import type {Reader} from '../policy/reader.ts';
import {bind, unbind} from '../policy/repository.ts';
import {sortNames} from '../util/names.ts';
import {changing} from './change.ts';
import type {Scene} from './command.ts';
import {at, namesIn, takeAll, takeGroup, takeNode} from './reading.ts';
import {hostWarnings} from './unguarded.ts';

type Membership = {readonly host: string; readonly groups: readonly string[]};

export const bindCommand = changing<Membership>({
	name: 'NODE bind',
	usage: 'NODE bind GROUP …',
	kinds: ['host'],
	summary: 'put a host into groups',
	details: 'A group exists from its first bind on. What the rules say of the group holds for the host at once.',
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		return {host, groups: takeAll(reader, () => groupNames(scene), () => takeAnyGroup(reader, scene))};
	},
	warnings: (lab, {host}) => hostWarnings(lab, host),
	edit({host, groups}, nodes) {
		return policy => bind(policy, nodes, host, groups);
	},
});

export const unbindCommand = changing<Membership>({
	name: 'NODE unbind',
	usage: 'NODE unbind GROUP …',
	kinds: ['host'],
	summary: 'take a host out of groups',
	read(reader, scene) {
		const host = takeNode(reader, scene, 'host');
		return {host, groups: takeAll(reader, () => groupNames(scene), () => takeGroup(reader, scene))};
	},
	edit({host, groups}, nodes) {
		return policy => unbind(policy, nodes, host, groups);
	},
});

/** A group that exists, or a name that is free for a new one. */
function takeAnyGroup(reader: Reader, scene: Scene): string {
	const word = reader.take(['group'], () => groupNames(scene));
	if (!scene.policy.groups.has(word.text)) {
		at(word, () => {
			refuseUnlessFree(namesIn(scene), 'group', word.text);
		});
	}

	return word.text;
}

function groupNames({policy}: Scene): string[] {
	return sortNames(policy.groups.keys());
}
