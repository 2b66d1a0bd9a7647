/** `list`, `inspect` and `env`: labs that run, seen from another terminal. */
import {requireCapabilities} from '../kernel/capabilities.ts';
import {type LabRecord, labRecord, runningLabs} from '../network/journal.ts';
import {ovsEnvironment} from '../network/paths.ts';
import {columns} from '../util/columns.ts';
import {type Answer, answer} from './answer.ts';

type Options = {readonly json: boolean};

/** What `list` tells of a lab. */
export type ListedLab = Pick<LabRecord, 'name' | 'pid' | 'topology' | 'started' | 'directory'> & {
	/** Hosts and routers, in the order of the topology. */
	readonly nodes: readonly string[];
};

/** What `inspect` tells. */
export type InspectedLab = ListedLab & {
	/** By node; the switches share the one of `-fabric`. */
	readonly namespaces: LabRecord['namespaces'];
	/** Process ids of the lab's daemons. */
	readonly processes: readonly number[];
};

export function listLabs(options: Options): Answer {
	requireCapabilities(['root']);
	const labs = runningLabs().map(listed);
	const rows = labs.map(({name, pid, topology, started, nodes}) => [name, String(pid), topology, String(nodes.length), started]);
	return answer(labs, labs.length === 0 ? 'No lab is running.' : columns([['lab', 'pid', 'topology', 'hosts+routers', 'started'], ...rows]), options);
}

/** @throws InputError `unknown-running-lab` */
export function inspectLab(name: string, options: Options): Answer {
	requireCapabilities(['root']);
	const record = labRecord(name);
	const lab: InspectedLab = {...listed(record), namespaces: record.namespaces, processes: record.processes.map(process => process.pid)};
	return answer(lab, inspectText(lab), options);
}

/** Lines for `eval "$(securenet env LAB)"`. @throws InputError `unknown-running-lab` */
export function labEnvironment(name: string, options: Options): Answer {
	requireCapabilities(['root']);
	const environment = ovsEnvironment(labRecord(name).name);
	return answer(environment, Object.entries(environment).map(([key, value]) => `export ${key}=${value}`).join('\n'), options);
}

function listed({name, pid, topology, started, directory, namespaces}: LabRecord): ListedLab {
	return {name, pid, topology, started, directory, nodes: Object.keys(namespaces).filter(node => !node.startsWith('-'))};
}

function inspectText({name, pid, topology, started, directory, namespaces, processes}: InspectedLab): string {
	return columns([
		['lab', name],
		['topology', topology],
		['pid', String(pid)],
		['started', started],
		['directory', directory],
		...Object.entries(namespaces).map(([node, namespace]) => [node.startsWith('-') ? 'switches' : node, `ip netns exec ${namespace} …`]),
		['daemons', processes.join(' ')],
	]);
}
