/** `secrule service add|del|list`: names for ports, which rules use. */
import {listServices} from '../policy/listing.ts';
import type {ServicePorts} from '../policy/model.ts';
import {refuseUnlessFree} from '../policy/names.ts';
import {type Reader, refuseDoubts} from '../policy/reader.ts';
import {addService, deleteService} from '../policy/repository.ts';
import {readServicePorts} from '../policy/service-ports.ts';
import {columns} from '../util/columns.ts';
import type {InputError} from '../util/errors.ts';
import {sortNames} from '../util/names.ts';
import {changing} from './change.ts';
import type {Command, Scene} from './command.ts';
import {at, namesIn, takeAll, takeService} from './reading.ts';

/** By name in natural order; ports such as `tcp/80` and `udp/{53,5353}`. */
export type ServiceListResult = ReadonlyArray<{readonly name: string; readonly ports: readonly string[]}>;

export const serviceAddCommand = changing<{readonly name: string; readonly ports: readonly ServicePorts[]; readonly doubts: readonly InputError[]}>({
	name: 'secrule service add',
	usage: 'secrule service add NAME PROTO/PORTS …',
	summary: 'declare a service, or add ports to one',
	details: 'PROTO/PORTS is tcp/80, udp/5000-5010, sctp/{2905,2944} or tcp/https. Rules name it: secrule add allow PEER to PEER service NAME.',
	read(reader, scene) {
		const {ports} = namesIn(scene);
		return {name: takeAnyService(reader, scene), ports: takeAll(reader, () => ['tcp', 'udp', 'sctp'], () => readServicePorts(reader, ports)), doubts: reader.doubts};
	},
	refuse({doubts}) {
		refuseDoubts(doubts);
	},
	edit({name, ports}, nodes) {
		return policy => addService(policy, nodes, name, ports);
	},
});

export const serviceDelCommand = changing<string>({
	name: 'secrule service del',
	usage: 'secrule service del NAME',
	summary: 'drop a service that no rule uses',
	read(reader, scene) {
		const name = takeService(reader, scene);
		reader.finish();
		return name;
	},
	edit(name) {
		return policy => deleteService(policy, name);
	},
});

export const serviceListCommand: Command<undefined, ServiceListResult> = {
	name: 'secrule service list',
	usage: 'secrule service list',
	summary: 'all services with their ports',
	read(reader) {
		reader.finish();
		return undefined;
	},
	async run({policy}) {
		return Promise.resolve(listServices(policy));
	},
	text(services) {
		return columns([['service', 'ports'], ...services.map(({name, ports}) => [name, ports.join(' ')])]);
	},
};

/** A service that exists, or a name that is free for a new one. */
function takeAnyService(reader: Reader, scene: Scene): string {
	const {services} = scene.policy;
	const word = reader.take(['name'], () => sortNames(services.keys()));
	if (!services.has(word.text)) {
		at(word, () => {
			refuseUnlessFree(namesIn(scene), 'service', word.text);
		});
	}

	return word.text;
}
