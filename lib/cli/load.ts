/** Finds the topology that a command line names: a shape such as `tree,2,3`, or a file. */
import {statSync} from 'node:fs';
import {resolve} from 'node:path';
import {type ParameterSpecs, parseParameters} from '../topology/parameters.ts';
import {type SwitchKind, shape, shapeForms} from '../topology/shapes.ts';
import type {Topology, TopologyClass} from '../topology/topology.ts';
import {InputError, messageOf} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import {importFile} from './import-file.ts';

export type LoadOptions = {
	/** Address of the module that the file gets when it imports from 'securenet'. */
	readonly api: string;
	/** By parameter name; the empty text stands for a flag without a value. */
	readonly parameters: Readonly<Record<string, string>>;
	/** Names of the command's own options, which a mistyped parameter may have meant. */
	readonly options: readonly string[];
	/** For shapes. */
	readonly switchKind?: SwitchKind | undefined;
};

/**
@param name a shape and its numbers, or the path of a file whose default export is a topology
@throws InputError `shape`, `topology`, `unknown-parameter`, `parameter`
*/
export async function loadTopology(name: string, {api, parameters, options, switchKind}: LoadOptions): Promise<Topology> {
	const found = isPath(name) ? undefined : shape(name, {switchKind: switchKind ?? 'switch'});
	if (found) {
		parseParameters({}, parameters, options);
		return found;
	}

	if (switchKind !== undefined) {
		throw new InputError('usage', `--switch chooses for shapes such as tree,2,3; ${printable(name)} says itself which switches it has.`);
	}

	return fromFile(name, {api, parameters, options});
}

function isPath(name: string): boolean {
	return name.includes('/') || /\.[cm]?[jt]s$/.test(name);
}

async function fromFile(name: string, {api, parameters, options}: LoadOptions): Promise<Topology> {
	const exported = await topologyIn(name, api);
	if (isTopology(exported)) {
		parseParameters({}, parameters, options);
		return exported;
	}

	return construct(name, exported, parseParameters(exported.parameters, parameters, options));
}

/** What a topology takes beside the command's own options; nothing is built. @throws InputError `shape`, `topology` */
export async function parametersOf(name: string, api: string): Promise<ParameterSpecs> {
	const exported = !isPath(name) && shape(name, {switchKind: 'switch'}) ? undefined : await topologyIn(name, api);
	return exported && isTopologyClass(exported) ? exported.parameters : {};
}

/** What a file exports. @throws InputError `topology` */
async function topologyIn(name: string, api: string): Promise<Topology | TopologyClass> {
	const path = resolve(name);
	const found = statSync(path, {throwIfNoEntry: false});
	if (found?.isDirectory()) {
		throw new InputError('topology', `"${printable(name)}" is a folder. Name one of its files.`, {expected: ['file', ...shapeForms]});
	}

	if (!found) {
		throw isPath(name) ? new InputError('topology', `There is no file ${printable(name)}.`, {expected: ['file']}) : unknownTopology(name);
	}

	const {default: exported} = await importFile(name, path, api, 'topology');
	if (!isTopology(exported) && !isTopologyClass(exported)) {
		throw new InputError('topology', `${printable(name)} has no topology as its default export. Write: export default class NAME extends Topology { … }`, {expected: ['export default class']});
	}

	return exported;
}

function unknownTopology(name: string): InputError {
	const words = shapeForms.map(form => form.split(',')[0] ?? form);
	const {nearest, hint} = nearestTo(name.split(',')[0] ?? '', words);
	return new InputError('topology', `"${printable(name)}" is neither a file nor a shape.${hint} Shapes: ${shapeForms.join('  ')}`, {expected: ['file', ...shapeForms], nearest});
}

/** Asked by shape and not by instanceof: the file may have brought a copy of securenet of its own. */
function isTopology(exported: unknown): exported is Topology {
	return typeof exported === 'object' && exported !== null && 'describe' in exported && typeof exported.describe === 'function';
}

function isTopologyClass(exported: unknown): exported is TopologyClass {
	return typeof exported === 'function' && isTopology(exported.prototype);
}

function construct(name: string, Exported: TopologyClass, values: ConstructorParameters<TopologyClass>[0]): Topology {
	try {
		return new Exported(values);
	} catch (error) {
		throw error instanceof InputError ? error : new InputError('topology', `The constructor of ${printable(name)} failed: ${messageOf(error)}`, {}, {cause: error});
	}
}
