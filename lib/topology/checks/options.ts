/** Options that the TypeScript compiler would have refused. Topology files run without a type check, so they arrive here. */
import {nearestTo, printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import {firewalls} from '../firewalls.ts';
import {shapingForms} from '../shaping.ts';
import type {BridgeOptions, Graph, HostOptions, InterfaceOptions, LinkOptions, NodeKind, RouteOptions, RouterOptions, Settings, ShapingOptions, SwitchOptions} from '../specs.ts';

type Shape = 'text' | 'texts' | 'number' | 'flag' | 'rate' | 'time' | 'share' | 'routes' | 'isolation' | 'switchFirewall' | 'routerFirewall' | 'bridgeFirewall';
type Shapes<Options> = Readonly<Record<keyof Options, Shape>>;

const nodeShapes: Readonly<Record<NodeKind, Readonly<Record<string, Shape>>>> = {
	host: {ip: 'texts', mac: 'text', gateway: 'texts', routes: 'routes', allowedAddresses: 'texts', portSecurity: 'flag'} satisfies Shapes<HostOptions>,
	router: {perimeter: 'flag', forwarding: 'flag', proxyArp: 'flag', routes: 'routes', firewall: 'routerFirewall'} satisfies Shapes<RouterOptions>,
	switch: {stp: 'flag', firewall: 'switchFirewall'} satisfies Shapes<SwitchOptions>,
	bridge: {stp: 'flag', firewall: 'bridgeFirewall'} satisfies Shapes<BridgeOptions>,
};
const shapingShapes: Shapes<ShapingOptions> = {rate: 'rate', delay: 'time', jitter: 'time', loss: 'share', queue: 'number'};
const interfaceShapes: Shapes<InterfaceOptions> = {name: 'text', ip: 'texts', mac: 'text', mtu: 'number', port: 'number', ...shapingShapes};
const linkShapes: Shapes<LinkOptions> = {...shapingShapes, mtu: 'number', stateSync: 'flag'};
const routeShapes: Shapes<RouteOptions> = {to: 'text', via: 'text', interface: 'text'};
const settingsShapes: Shapes<Settings> = {ipBase: 'text', ipv6: 'flag', isolation: 'isolation'};

const isolations = ['bound', 'none', 'all'];

/** What a value of a shape is, in words, and the test for it. */
const shapes: Readonly<Record<Shape, {readonly words: string; readonly fits: (value: unknown) => boolean}>> = {
	text: {words: 'a text', fits: isText},
	texts: {words: 'a text or a list of texts', fits: value => isText(value) || (Array.isArray(value) && value.every(isText))},
	number: {words: 'a number', fits: value => typeof value === 'number'},
	rate: {words: shapingForms.rate.words, fits: isText},
	time: {words: shapingForms.delay.words, fits: isText},
	share: {words: shapingForms.loss.words, fits: isText},
	flag: {words: 'true or false', fits: value => typeof value === 'boolean'},
	routes: {words: 'a list of routes, each with a destination (to)', fits: value => Array.isArray(value) && value.every(isRoute)},
	isolation: oneOf(isolations),
	switchFirewall: oneOf(firewalls.switch),
	routerFirewall: oneOf(firewalls.router),
	bridgeFirewall: oneOf(firewalls.bridge),
};

export function checkOptions({settings, nodes, links}: Graph, problems: Problems): void {
	checkShapes('settings', settings, settingsShapes, problems);
	for (const {kind, name, options} of nodes) {
		checkShapes(name, {name}, {name: 'text'}, problems);
		checkShapes(name, options, nodeShapes[kind], problems);
	}

	for (const {ends, options} of links) {
		checkShapes(`link ${ends.map(({node}) => node).join(' - ')}`, options, linkShapes, problems);
		for (const end of ends) {
			checkShapes(end.node, end.options, interfaceShapes, problems);
		}
	}
}

function checkShapes(subject: string, options: object, known: Readonly<Record<string, Shape>>, problems: Problems): void {
	for (const [name, value] of Object.entries(options) as Array<[string, unknown]>) {
		const shape = Object.hasOwn(known, name) ? known[name] : undefined;
		if (!shape) {
			problems.add(subject, `there is no option "${printable(name)}" here`, unknownHint(name, Object.keys(known)));
		} else if (value !== undefined && !shapes[shape].fits(value)) {
			problems.add(subject, `option ${name} has a value of the wrong kind`, `Give ${shapes[shape].words}`);
		}
	}
}

function unknownHint(name: string, known: readonly string[]): string {
	return nearestTo(name, known).hint.trim() || `Known are ${known.join(', ')}`;
}

function oneOf(choices: readonly string[]) {
	return {words: `one of ${choices.join(', ')}`, fits: (value: unknown) => isText(value) && choices.includes(value)};
}

function isText(value: unknown): value is string {
	return typeof value === 'string';
}

function isRoute(value: unknown): boolean {
	return typeof value === 'object' && value !== null && 'to' in value
		&& Object.entries(value).every(([name, text]) => Object.hasOwn(routeShapes, name) && (isText(text) || (text === undefined && name !== 'to')));
}
