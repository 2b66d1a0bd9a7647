/** `link A B up|down|set …`: takes the links between two nodes down and up, or shapes them. */
import {Link} from '../link/link.ts';
import {shapeTogether} from '../link/shape-together.ts';
import type {Reader} from '../policy/reader.ts';
import {shapingForms, shapingOptions} from '../topology/shaping.ts';
import type {ShapingOptions} from '../topology/specs.ts';
import {InputError} from '../util/errors.ts';
import type {Command} from './command.ts';
import {type LinksResult, describeLink, describeTunnel, linksText} from './links.ts';
import {takeNode, takeOtherNode} from './reading.ts';
import {readShapingWords} from './shaping-words.ts';

type Setting = {
	readonly options: ShapingOptions;
	/** The node whose frames are meant; both when it is left out. */
	readonly from: string | undefined;
};

type Input = {readonly a: string; readonly b: string; readonly change: 'up' | 'down' | Setting};

export const linkCommand: Command<Input, LinksResult> = {
	name: 'link',
	usage: 'link A B up|down|set none|OPTION … [from A|B]',
	summary: 'take the links between two nodes down or up, or shape them',
	details: `Parallel links change together. Addresses and routes come back with the link. set: ${shapingOptions.map(option => `${option} (${shapingForms[option].words})`).join('; ')}; `
		+ 'what is not named is no longer shaped, and none ends all of it. from: only what that node sends. A rate counts whole frames; queue counts frames that wait for it (default 1000).',
	read(reader, scene) {
		const a = takeNode(reader, scene);
		const b = takeOtherNode(reader, scene, a);
		if (a === b) {
			throw new InputError('same-node', `A link has two ends, and both are ${a} here. Write: link A B …; net shows what hangs together.`, {column: reader.column, expected: ['node']});
		}

		const verb = reader.oneOf(['up', 'down', 'set']);
		const change = verb === 'set' ? readSetting(reader, [a, b]) : verb;
		reader.finish();
		return {a, b, change};
	},
	async run({network}, {a, b, change}) {
		const wires = network.wiresBetween(a, b);
		if (typeof change === 'string') {
			for (const wire of wires) {
				wire[change]();
			}

			return wires.map(wire => wire instanceof Link ? describeLink(wire) : describeTunnel(wire, network));
		}

		const links = wires.filter(wire => wire instanceof Link);
		if (links.length === 0) {
			throw new InputError('tunnel', `${a} and ${b} are joined by a tunnel, which is shaped by shaping what carries it.`);
		}

		await shapeTogether(links, change.options, change.from);
		return links.map(describeLink);
	},
	text: linksText,
};

function readSetting(reader: Reader, ends: readonly string[]): Setting {
	const options = reader.optional(['none']) ? {} : readShapingWords(reader, reader.oneOf(shapingOptions));
	return {options, from: reader.optional(['from']) && reader.oneOf(ends)};
}
