/** `doctor` and `clean`: what this machine can do, and what killed labs left on it. */
import {type Capability, capabilities, requireCapabilities} from '../kernel/capabilities.ts';
import {packages} from '../kernel/programs.ts';
import {changedSettings} from '../network/host-settings.ts';
import {type CleanReport, clean} from '../network/sweep.ts';
import {columns} from '../util/columns.ts';
import {exitStatus} from '../util/errors.ts';
import {type Answer, answer} from './answer.ts';

type Options = {readonly json: boolean};

/** What `doctor` tells. */
export type DoctorReport = {
	readonly capabilities: readonly Capability[];
	/** Settings of the host that labs have changed, and what they were. */
	readonly settings: ReturnType<typeof changedSettings>;
};

/** Fails when something is missing that every lab needs. */
export async function doctor(options: Options): Promise<Answer> {
	// Who is not root cannot read what labs have written down, and is told about root anyway.
	const report: DoctorReport = {capabilities: await capabilities(), settings: process.getuid?.() === 0 ? changedSettings() : []};
	const able = report.capabilities.every(capability => capability.available || !isNeeded(capability));
	return {...answer(report, doctorText(report), options), status: able ? 0 : exitStatus.machine};
}

/** Every program is; of the kernel, what nodes and links are made of. */
function isNeeded({name}: Capability): boolean {
	return Object.hasOwn(packages, name) || ['root', 'namespaces', 'veth'].includes(name);
}

function doctorText({capabilities: all, settings}: DoctorReport): string {
	const rows = all.map(({name, available, detail, cure}) => [available ? 'ok' : 'missing', name, cure === undefined ? detail : `${detail} ${cure}`]);
	const changed = settings.map(({path, original, current, labs}) => ['changed', path, `${current ?? '?'}, was ${original}, for ${labs.join(', ')}`]);
	return columns([...rows, ...changed]);
}

/** Takes away what killed labs left, and only that. */
export async function cleanUp(options: Options): Promise<Answer> {
	requireCapabilities(['root']);
	const report = await clean();
	return answer(report, cleanText(report), options);
}

function cleanText({labs, processes, namespaces, settings}: CleanReport): string {
	return labs.length === 0
		? 'Nothing to clean: no killed lab left anything.'
		: [`Cleaned up after ${labs.join(', ')}: ${processes} processes ended, ${namespaces} namespaces deleted.`, ...settings.map(path => `${path} is back to what it was.`)].join('\n');
}
