/** Tells of ports of switches and bridges that gain or lose their carrier, each change once. */
import {carrierOf} from '../kernel/carrier.ts';
import {type LinkWatch, watchLinks} from '../kernel/monitor.ts';
import type {Namespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';

/**
The kernel tells of a link many times while it comes up or goes, and what it tells comes late. So what it tells only says when to ask.

@param ports those there are at the moment, by index; a new one counts as up
*/
export function watchCarriers(fabric: Namespace, ports: () => ReadonlyMap<number, Interface>, listener: (port: Interface, up: boolean) => void): LinkWatch {
	const lost = new Set<Interface>();
	return watchLinks(fabric, ({index, up, running}) => {
		const port = ports().get(index);
		if (!port || (up && running) === !lost.has(port)) {
			return;
		}

		const isUp = carrierOf(port.namespace, port.name) === 'up';
		if (isUp === !lost.has(port)) {
			return;
		}

		if (isUp) {
			lost.delete(port);
		} else {
			lost.add(port);
		}

		listener(port, isUp);
	});
}
