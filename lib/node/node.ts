/** A node that runs: a namespace (a switch's is the fabric) in which programs can be started. */
import {type ExecuteOptions, type Output, execute} from '../kernel/process.ts';
import type {Namespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';
import type {LinkOwner} from '../link/link.ts';
import type {NodePlan} from '../topology/blueprint.ts';
import type {NodeKind} from '../topology/specs.ts';
import {formatAddress} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {configureInterface} from './configure.ts';

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
	readonly plan: NodePlan;
	readonly namespace: Namespace;
	readonly interfaces: readonly Interface[];
	readonly #environment: Readonly<Record<string, string>>;

	constructor({plan, namespace, interfaces, environment}: NodeParts) {
		this.name = plan.name;
		this.kind = plan.kind;
		this.plan = plan;
		this.namespace = namespace;
		this.interfaces = interfaces;
		this.#environment = environment;
	}

	/** The first IPv4 address, else the first IPv6 one, without its length. */
	get address(): string | undefined {
		const addresses = this.interfaces.flatMap(each => each.addresses.map(({address}) => address));
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

	restore(end: Interface): void {
		configureInterface(this, end);
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
