/** Options that the TypeScript compiler would have refused. Topology files run without a type check, so they arrive here. */
import {nearestTo, printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import {firewalls} from '../firewalls.ts';
import {reversePathFilters} from '../routing-options.ts';
import {shapingForms} from '../shaping.ts';
import type {BgpOptions, BridgeOptions, Graph, GreOptions, HostOptions, InterfaceOptions, LinkOptions, NodeKind, RouterOptions, RoutingOptions, Settings, ShapingOptions, SshOptions, SwitchOptions, TunnelOptions, TunnelSpec, VxlanOptions} from '../specs.ts';
import {areNeighbors, areRoutes, areRules, areSysctls} from './routing-options.ts';

type Shape = 'bgp' | 'control' | 'routing' | 'tunnelMode' | 'keepAlive' | 'text' | 'texts' | 'number' | 'flag' | 'rate' | 'time' | 'share' | 'routes' | 'rules' | 'neighbors' | 'rpFilter' | 'sysctls' | 'isolation' | 'switchFirewall' | 'routerFirewall' | 'bridgeFirewall';
type Shapes<Options> = Readonly<Record<keyof Options, Shape>>;

const routingShapes: Shapes<RoutingOptions> = {routes: 'routes', rules: 'rules', neighbors: 'neighbors', rpFilter: 'rpFilter', sysctls: 'sysctls'};
const nodeShapes: Readonly<Record<NodeKind, Readonly<Record<string, Shape>>>> = {
	host: {ip: 'texts', mac: 'text', gateway: 'texts', ...routingShapes, allowedAddresses: 'texts', portSecurity: 'flag', joins: 'text'} satisfies Shapes<HostOptions>,
	router: {bgp: 'bgp', perimeter: 'flag', forwarding: 'flag', forwarding6: 'flag', proxyArp: 'flag', proxyNdp: 'flag', ...routingShapes, firewall: 'routerFirewall'} satisfies Shapes<RouterOptions>,
	switch: {stp: 'flag', firewall: 'switchFirewall'} satisfies Shapes<SwitchOptions>,
	bridge: {stp: 'flag', firewall: 'bridgeFirewall'} satisfies Shapes<BridgeOptions>,
};
const shapingShapes: Shapes<ShapingOptions> = {rate: 'rate', delay: 'time', jitter: 'time', loss: 'share', queue: 'number'};
const endShapes: Shapes<Omit<InterfaceOptions, 'port' | 'endpoint' | keyof ShapingOptions>> = {name: 'text', ip: 'texts', mac: 'text', mtu: 'number', sysctls: 'sysctls'};
const interfaceShapes: Shapes<Omit<InterfaceOptions, 'endpoint'>> = {...endShapes, port: 'number', ...shapingShapes};
const tunnelEndShapes: Shapes<Omit<InterfaceOptions, 'port' | keyof ShapingOptions>> = {...endShapes, endpoint: 'text'};
const tunnelShapes: Readonly<Record<TunnelOptions['via'], Readonly<Record<string, Shape>>>> = {
	gre: {via: 'text', mode: 'tunnelMode', key: 'number', ttl: 'number', mtu: 'number'} satisfies Shapes<GreOptions>,
	vxlan: {via: 'text', vni: 'number', ttl: 'number', port: 'number', mtu: 'number'} satisfies Shapes<VxlanOptions>,
	ssh: {via: 'text', mode: 'tunnelMode', mtu: 'number', keepAlive: 'keepAlive'} satisfies Shapes<SshOptions>,
};
const linkShapes: Shapes<LinkOptions> = {...shapingShapes, mtu: 'number', stateSync: 'flag'};
const bgpShapes: Shapes<BgpOptions> = {as: 'number', neighbors: 'texts', holdTime: 'number'};
const settingsShapes: Shapes<Settings> = {ipBase: 'text', ipv6: 'flag', isolation: 'isolation', control: 'control', routing: 'routing'};

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
	routes: {words: 'a list of routes, each with a destination (to)', fits: areRoutes},
	rules: {words: 'a list of rules, each with a table', fits: areRules},
	neighbors: {words: 'a list of neighbors, each with address and mac', fits: areNeighbors},
	rpFilter: oneOf(reversePathFilters),
	sysctls: {words: 'kernel settings by name, each a number or a text', fits: areSysctls},
	tunnelMode: oneOf(['layer2', 'layer3']),
	keepAlive: {words: 'numbers {interval, count}', fits: isKeepAlive},
	isolation: oneOf(isolations),
	bgp: {words: 'the number of an autonomous system, and what else is to be said: {as: 65000, neighbors, holdTime}', fits: isBgp},
	control: oneOf(['bgp', 'controller']),
	routing: oneOf(['static']),
	switchFirewall: oneOf(firewalls.switch),
	routerFirewall: oneOf(firewalls.router),
	bridgeFirewall: oneOf(firewalls.bridge),
};

export function checkOptions({settings, nodes, links, tunnels}: Graph, problems: Problems): void {
	checkShapes('settings', settings, settingsShapes, problems);
	for (const {kind, name, options} of nodes) {
		checkShapes(name, {name}, {name: 'text'}, problems);
		checkShapes(name, options, nodeShapes[kind], problems);
	}

	for (const {ends, options} of links) {
		checkShapes(`link ${ends.map(({node}) => node).join(' - ')}`, options, linkShapes, problems);
		for (const end of ends.filter(({assigned}) => !assigned)) {
			checkShapes(end.node, end.options, interfaceShapes, problems);
		}
	}

	for (const tunnel of tunnels) {
		checkTunnel(tunnel, problems);
	}
}

function checkTunnel({ends, options}: TunnelSpec, problems: Problems): void {
	const subject = `tunnel ${ends.map(({node}) => node).join(' - ')}`;
	const kinds = Object.keys(tunnelShapes);
	if (kinds.includes(options.via)) {
		checkShapes(subject, options, tunnelShapes[options.via], problems);
	} else {
		problems.add(subject, 'option via is none of the ways there are', `Give ${oneOf(kinds).words}`);
	}

	for (const end of ends) {
		checkShapes(end.node, end.options, tunnelEndShapes, problems);
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

function isKeepAlive(value: unknown): boolean {
	return typeof value === 'object' && value !== null && Object.entries(value).every(([name, number]) => ['interval', 'count'].includes(name) && typeof number === 'number');
}

function isBgp(value: unknown): boolean {
	return typeof value === 'object' && value !== null && 'as' in value
		&& Object.entries(value).every(([name, option]) => Object.hasOwn(bgpShapes, name) && shapes[bgpShapes[name as keyof BgpOptions]].fits(option));
}
