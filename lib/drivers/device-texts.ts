/** What a state of a device says, line by line, for whoever wants to see a change before it is made. */
import {allFlows} from './openflow-render.ts';
import type {FlowState} from './openflow-render.ts';
import {ipsetName} from './perimeter-sets.ts';
import type {PerimeterState} from './iptables-render.ts';

const families = [4, 6] as const;

/** One flow a line. */
export function flowTexts(state: FlowState): string[] {
	return allFlows(state).map(({key, actions}) => `${key} actions=${actions}`);
}

/** One element of an ipset or one rule a line, as the programs take them. */
export function perimeterTexts({sets, lines}: PerimeterState): string[] {
	return [
		...[...sets.values()].flatMap(set => families.flatMap(family => Array.from(set.elements[family], element => `ipset add ${ipsetName(set, family)} ${element}`))),
		...families.flatMap(family => lines[family].map(({text}) => `${family === 4 ? 'iptables' : 'ip6tables'} ${text}`)),
	];
}
