/** Golden samples: what a sketch renders to, one reviewable line for each flow, set element and chain rule. */
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Flow} from '../../lib/drivers/flow.ts';
import type {FlowStyle} from '../../lib/drivers/openflow-port-lists.ts';
import {allFlows, plainSwitch, renderFlows} from '../../lib/drivers/openflow-render.ts';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import {bridgeCommands, plainBridge, renderBridge} from '../../lib/drivers/nftables-bridge-render.ts';
import {nftCommands, plainTable, renderNftables} from '../../lib/drivers/nftables-render.ts';
import {perimeterPlan, switchPlan} from './plans.ts';
import type {Sketch} from './plans.ts';

const directory = join(import.meta.dirname, '../samples');

export const sampleNames = readdirSync(directory).sort();

/** File name to what it should hold. */
export async function renderSample(name: string): Promise<Map<string, string>> {
	const {default: sketch, styles = []} = await import(join(directory, name, 'sketch.ts')) as {default: Sketch; styles?: readonly FlowStyle[]};
	const perimeter = renderPerimeter(perimeterPlan(sketch), plainRouter);
	return new Map([
		['expected.flows', renderedFlows(sketch, 'rules')],
		...styles.map(style => [`expected.${style}`, renderedFlows(sketch, style)] as const),
		['expected.ipset', `${diffPerimeter(plainRouter, perimeter).create.join('\n')}\n`],
		['expected.iptables', restoreText([], perimeter.lines[4])],
		['expected.ip6tables', restoreText([], perimeter.lines[6])],
		['expected.bridge', `${bridgeCommands(plainBridge, renderBridge(switchPlan(sketch))).join('\n')}\n`],
		['expected.nft', `${nftCommands(plainTable, renderNftables(perimeterPlan(sketch))).join('\n')}\n`],
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

function renderedFlows(sketch: Sketch, style: FlowStyle): string {
	return allFlows(renderFlows(switchPlan(sketch), plainSwitch, style))
		.sort((a, b) => a.table - b.table || priorityOf(b) - priorityOf(a))
		.map(({key, actions, sentence}) => `${key} actions=${actions}  # ${sentence}\n`)
		.join('');
}
