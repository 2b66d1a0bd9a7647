/** A node that runs: a namespace (a switch's is the fabric) in which programs can be started. */
import {type ExecuteOptions, type Output, execute} from '../kernel/process.ts';
import type {Namespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';
import type {LinkOwner} from '../link/link.ts';
import type {NodePlan, RoutePlan} from '../topology/blueprint.ts';
import type {ReversePathFilter} from '../topology/routing-options.ts';
import type {NeighborOptions, NodeKind, RouteOptions, RuleOptions} from '../topology/specs.ts';
import {type Family, type InterfaceAddress, formatAddress, parseAddress, tryParseInterfaceAddress} from '../util/address.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import {Held} from './held.ts';
import {type NodeNeighbor, addNodeNeighbor, deleteNodeNeighbor, nodeNeighbors, onlyInterface} from './neighbors.ts';
import {answerForRoutes} from './proxy-ndp.ts';
import {type NodeRoute, type RouteListOptions, addNodeRoute, deleteNodeRoute, nodeRoutes, parsePattern, routeWords} from './routes.ts';
import {type NodeRule, addNodeRule, deleteNodeRule, nodeRules} from './rules.ts';
import {type NodeSettings, nodeSettings, nodeSysctl, setForwarding, setInterfaceMtu, setNodeSysctl, setProxyArp, setProxyNdp, setReversePathFilter} from './settings.ts';

export type NodeParts = {
	readonly plan: NodePlan;
	readonly namespace: Namespace;
	readonly interfaces: readonly Interface[];
	/** Environment of every program started in it. */
	readonly environment: Readonly<Record<string, string>>;
};

export class Node implements LinkOwner {
	readonly name: string;
	readonly kind: NodeKind;
	readonly namespace: Namespace;
	readonly #environment: Readonly<Record<string, string>>;
	readonly #held = new Held(this);
	#plan: NodePlan;
	#interfaces: readonly Interface[];

	constructor({plan, namespace, interfaces, environment}: NodeParts) {
		this.name = plan.name;
		this.kind = plan.kind;
		this.namespace = namespace;
		this.#environment = environment;
		this.#plan = plan;
		this.#interfaces = interfaces;
	}

	get plan(): NodePlan {
		return this.#plan;
	}

	get interfaces(): readonly Interface[] {
		return this.#interfaces;
	}

	/** Takes over what has become of it: links came or went while the lab runs. */
	become(plan: NodePlan, interfaces: readonly Interface[]): void {
		this.#plan = plan;
		this.#interfaces = interfaces;
	}

	/** Of all its interfaces; of a host without a link those that it will have. */
	get addresses(): readonly InterfaceAddress[] {
		return [...this.interfaces.flatMap(each => each.addresses), ...addressesInWaiting(this.plan)];
	}

	/** The first IPv4 address, else the first IPv6 one, without its length; of a host without a link the one that it will have. */
	get address(): string | undefined {
		const addresses = this.addresses.map(({address}) => address);
		const first = addresses.find(({family}) => family === 4) ?? addresses[0];
		return first && formatAddress(first);
	}

	/** In a command a node stands for its address. */
	toString(): string {
		return this.address ?? this.name;
	}

	/**
	Runs a program in the node. An exit status other than 0 is a result, not an error; see kernel/process.ts `execute` for those that are not the program's own.

	@throws SecureNetError `namespace-gone` when the lab has been taken down
	*/
	async execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Output> {
		return execute(argv, {...options, namespace: this.namespace, env: {...this.#environment, ...options.env}});
	}

	/**
	Runs a program and returns what it wrote to standard output. Spaces separate arguments, values stay whole, no shell sees either:
	`` await h1.run`ping -c 1 ${h2}` ``

	@throws SecureNetError `command` when the exit status is not 0, with what the program wrote
	*/
	async run(template: TemplateStringsArray, ...values: ReadonlyArray<string | number | {toString(): string}>): Promise<string> {
		const argv = templateWords(template, values);
		const {exitCode, stdout, stderr} = await this.execute(argv);
		if (exitCode !== 0) {
			throw new SecureNetError('command', `${this.name}: ${argv.join(' ')}: exit status ${exitCode}\n${stderr || stdout}`.trimEnd());
		}

		return stdout;
	}

	remember(end: Interface): void {
		if (this.kind === 'host' || this.kind === 'router') {
			this.#held.remember(end);
		}
	}

	restore(end: Interface): void {
		if (this.kind === 'host' || this.kind === 'router') {
			this.#held.restore(end);
			answerForRoutes(this);
		}
	}

	/** Interfaces are gone, or about to be, and routes are not to be any more: what had been waiting for the one or was the other does not come back. */
	forget(interfaces: readonly string[], routes: readonly RoutePlan[]): void {
		this.#held.forget(interfaces, routes);
	}

	/** Adds routes of its plan; those whose interface is down come with it. What is there already is kept. @throws KernelError */
	install(routes: readonly RoutePlan[]): void {
		if (routes.length > 0) {
			this.#held.install(routes);
			answerForRoutes(this);
		}
	}

	/** What it does with packets that are not its own, as its kernel has it at this moment. @throws InputError `wrong-kind`; KernelError */
	settings(): NodeSettings {
		return nodeSettings(this);
	}

	/** Passes packets of others on, or drops them. @throws InputError `no-ipv6` */
	setForwarding(on: boolean, family: Family = 4): void {
		setForwarding(this, on, family);
	}

	/** Answers ARP for addresses that are routed out of another interface. @param on @param name one interface; default: all, those to come included @throws InputError `unknown-interface` */
	setProxyArp(on: boolean, name?: string): void {
		setProxyArp(this, on, name);
	}

	/** The same of IPv6, for every address that has a route of its own (/128). @throws InputError `unknown-interface`, `no-ipv6` */
	setProxyNdp(on: boolean, name?: string): void {
		setProxyNdp(this, on, name);
		answerForRoutes(this);
	}

	/** @param name one interface; default: all, those to come included @throws InputError `unknown-interface` */
	setReversePathFilter(filter: ReversePathFilter, name?: string): void {
		setReversePathFilter(this, filter, name);
	}

	/** Of this end only: the other end of the link keeps its own. @throws InputError `mtu`, `unknown-interface`; KernelError */
	setMtu(bytes: number, name: string): void {
		setInterfaceMtu(this, bytes, name);
		this.#interfaces = this.#interfaces.map(each => each.name === name ? {...each, mtu: bytes} : each);
	}

	/** @param name such as `net/ipv4/tcp_syncookies` @throws InputError `unknown-sysctl`, `sysctl` */
	sysctl(name: string): string {
		return nodeSysctl(this, name);
	}

	/** @throws as sysctl */
	setSysctl(name: string, value: string | number): void {
		setNodeSysctl(this, name, value);
	}

	/** As the kernel has them. @throws KernelError */
	routes(options: RouteListOptions = {}): NodeRoute[] {
		return nodeRoutes(this, options);
	}

	/** Adds a route that comes back when its link has been down. @throws InputError `route`, `unknown-interface`, `route-exists`; KernelError with the kernel's reason */
	addRoute(options: RouteOptions): void {
		const route = addNodeRoute(this, options);
		this.#held.added(route);
		try {
			answerForRoutes(this);
		} catch (error) {
			deleteNodeRoute(this, options);
			throw error;
		}
	}

	/** What the options leave out may be anything, but they must mean one route. @throws InputError `no-route`, `ambiguous-route`, `unknown-interface`; KernelError */
	deleteRoute(options: RouteOptions): void {
		const gone = deleteNodeRoute(this, options);
		if (!this.#held.deleted(gone ?? parsePattern(options)) && !gone) {
			throw new InputError('no-route', `${this.name} has no such route to ${printable(options.to)}. Its routes: ${routeWords(this)}.`, {expected: ['route']});
		}

		answerForRoutes(this);
	}

	/** As the kernel has them, learned ones included. @throws KernelError */
	neighbors(): NodeNeighbor[] {
		return nodeNeighbors(this);
	}

	/** A neighbour that is never asked for. @throws InputError `neighbor`, `neighbor-exists`, `unknown-interface`; KernelError */
	addNeighbor(options: NeighborOptions): void {
		addNodeNeighbor(this, options);
	}

	/** Forgets a neighbour, learned or told. @throws InputError `no-neighbor`, `neighbor`, `unknown-interface`; KernelError */
	deleteNeighbor(options: Omit<NeighborOptions, 'mac'>): void {
		const found = deleteNodeNeighbor(this, options);
		const waited = this.#held.neighborDeleted({address: parseAddress(options.address), interface: options.interface ?? (found ? '' : onlyInterface(this, options.address))});
		if (!found && !waited) {
			throw new InputError('no-neighbor', `${this.name} has no neighbor ${printable(options.address)}${options.interface === undefined ? '' : ` on ${printable(options.interface)}`}.`, {expected: ['neighbor']});
		}
	}

	/** As the kernel has them, in the order in which they are asked. @throws KernelError */
	rules(): NodeRule[] {
		return nodeRules(this);
	}

	/** @throws InputError `rule`, `rule-exists`, `unknown-interface`; KernelError */
	addRule(options: RuleOptions): void {
		addNodeRule(this, options);
	}

	/** What the options leave out may be anything, but they must mean one rule. @throws InputError `no-rule`, `ambiguous-rule`, `rule`; KernelError */
	deleteRule(options: Omit<RuleOptions, 'table'> & {readonly table?: number}): void {
		if (!deleteNodeRule(this, options)) {
			throw new InputError('no-rule', `${this.name} has no such rule.`, {expected: ['rule']});
		}
	}
}

/** Text between two values that does not touch a space joins them: `` `${a}:${b}` `` is one word. */
function templateWords(template: TemplateStringsArray, values: ReadonlyArray<{toString(): string}>): string[] {
	const words: string[] = [];
	let open = false;
	const append = (text: string) => {
		words.push((open ? words.pop() ?? '' : '') + text);
		open = true;
	};

	for (const [index, text] of template.entries()) {
		for (const piece of text.split(/(\s+)/)) {
			if (/^\s+$/.test(piece)) {
				open = false;
			} else if (piece !== '') {
				append(piece);
			}
		}

		if (index < values.length) {
			append(String(values[index]));
		}
	}

	return words;
}

function addressesInWaiting(plan: NodePlan): InterfaceAddress[] {
	return plan.kind === 'host' && plan.interfaces.length === 0 ? [plan.options.ip ?? []].flat().flatMap(text => tryParseInterfaceAddress(text) ?? []) : [];
}
