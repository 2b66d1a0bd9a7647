/** A small network, a policy, packets and who said what of them, as a text that people read and tests replay. */
import {type Packet} from '../../lib/policy/evaluate.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import type {Isolation} from '../../lib/topology/specs.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import {type Scenario, policyOf} from './arbitrary-policy.ts';
import {sketch} from './blueprints.ts';
import {packetOf} from './packets.ts';

/** Everything that makes a scenario, as text. */
export type Draft = {
	/** Lines as `sketch` reads them. */
	readonly network: readonly string[];
	readonly isolation: Isolation;
	/** Lines of the prompt. */
	readonly lines: readonly string[];
	readonly packets: readonly Packet[];
};

export type Counterexample = Draft & {
	/** What it is about, and how it came about. */
	readonly title: readonly string[];
	/** First the model, then those who were asked. */
	readonly verdicts: ReadonlyArray<{readonly by: string; readonly says: string}>;
};

/** @throws what `sketch` and the lines of the policy throw */
export function scenarioOf({network, isolation, lines, packets}: Draft): Scenario {
	const blueprint = sketch(network.join('\n'));
	return {network: network.join('\n'), blueprint, inventory: inventoryOf(blueprint), lines, policy: policyOf(lines, blueprint, isolation), packets};
}

export function draftOf({network, policy, lines}: Scenario, packets: readonly Packet[]): Draft {
	return {network: network.split('\n'), isolation: policy.isolation, lines, packets};
}

/** Titles first, then parts under headings; it is read back by `readCounterexample`. */
export function counterexampleText({title, network, isolation, lines, packets, verdicts}: Counterexample): string {
	const width = Math.max(...verdicts.map(({by}) => by.length)) + 2;
	const parts = {
		network,
		policy: [`isolation ${isolation}`, ...lines],
		packets: packets.map(packetLine),
		verdicts: verdicts.map(({by, says}) => `${by.padEnd(width)}${says}`),
	};
	return [...title.map(line => `# ${line}`), ...Object.entries(parts).flatMap(([heading, content]) => ['', `[${heading}]`, ...content]), ''].join('\n');
}

/** @throws TypeError when a part is missing; as `packetOf` */
export function readCounterexample(text: string): Counterexample {
	const parts = new Map(text.split(/^\[/m).slice(1).map(part => {
		const [heading = '', ...lines] = part.split('\n');
		return [heading.replace(']', ''), lines.filter(line => line !== '')] as const;
	}));
	const part = (name: string): readonly string[] => {
		const lines = parts.get(name);
		if (!lines) {
			throw new TypeError(`A counterexample has a part [${name}].`);
		}

		return lines;
	};

	const [isolation = '', ...lines] = part('policy');
	return {
		title: text.split('\n').filter(line => line.startsWith('# ')).map(line => line.slice(2)),
		network: part('network'),
		isolation: isolation.replace('isolation ', '') as Isolation,
		lines,
		packets: part('packets').map(packetOf),
		verdicts: part('verdicts').map(line => {
			const [, by = '', says = ''] = /^(.*?) {2,}(.*)$/.exec(line) ?? [];
			return {by, says};
		}),
	};
}

const protocolNames: Readonly<Record<number, string>> = {[protocolNumbers.tcp]: 'tcp', [protocolNumbers.udp]: 'udp', [protocolNumbers.sctp]: 'sctp'};

/** As `packetOf` reads it. */
function packetLine({source, destination, protocol, sport, dport, icmpType, icmpCode, opens = true}: Packet): string {
	const name = protocolNames[protocol];
	const what = name === undefined ? icmpType === undefined ? `proto ${protocol}` : `icmp ${icmpType}/${icmpCode ?? 0}` : `${name} ${sport ?? 0}:${dport ?? 0}`;
	return `${formatAddress(source)} > ${formatAddress(destination)} ${what}${opens ? '' : ' midstream'}`;
}
