/** Golden samples: what a sketch renders to, one reviewable line for each flow, ipset element and chain rule. */
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Flow} from '../../lib/drivers/flow.ts';
import {allFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import {perimeterPlan, switchPlan} from './plans.ts';
import type {Sketch} from './plans.ts';

const directory = join(import.meta.dirname, '../samples');

export const sampleNames = readdirSync(directory).sort();

/** File name to what it should hold. */
export async function renderSample(name: string): Promise<Map<string, string>> {
	const {default: sketch} = await import(join(directory, name, 'sketch.ts')) as {default: Sketch};
	const perimeter = renderPerimeter(perimeterPlan(sketch), plainRouter);
	return new Map([
		['expected.flows', renderedFlows(sketch)],
		['expected.ipset', `${diffPerimeter(plainRouter, perimeter).create.join('\n')}\n`],
		['expected.iptables', restoreText([], perimeter.lines[4], new Map())],
		['expected.ip6tables', restoreText([], perimeter.lines[6], new Map())],
	]);
}

export function readSample(name: string, file: string): string {
	return readFileSync(join(directory, name, file), 'utf8');
}

export function writeSample(name: string, file: string, text: string): void {
	writeFileSync(join(directory, name, file), text);
}

function priorityOf({key}: Flow): number {
	return Number(/priority=(\d+)/.exec(key)?.[1]);
}

function renderedFlows(sketch: Sketch): string {
	return allFlows(renderFlows(switchPlan(sketch), plainSwitch))
		.sort((a, b) => a.table - b.table || priorityOf(b) - priorityOf(a))
		.map(({key, actions, sentence}) => `${key} actions=${actions}  # ${sentence}\n`)
		.join('');
}
