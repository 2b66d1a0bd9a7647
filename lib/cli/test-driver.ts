/** `test-driver NAME|FILE`: does a firewall driver keep the contract? */
import {existsSync, writeFileSync} from 'node:fs';
import {resolve} from 'node:path';
import type {DriverUnderTest, Kind} from '../contract/case.ts';
import {junitXml} from '../contract/junit.ts';
import {reportText} from '../contract/report.ts';
import {SuiteInterrupted, type SuiteOptions, type SuiteResult, testDriver} from '../contract/suite.ts';
import {type DriverFactory, namedDrivers} from '../drivers/factory.ts';
import {ProgressLine} from '../repl/progress.ts';
import {Signals} from '../repl/signals.ts';
import {firewallNames} from '../topology/firewalls.ts';
import {InputError, exitStatus, messageOf} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';
import {type Answer, answer} from './answer.ts';
import {importFile} from './import-file.ts';

export type TestDriverOptions = {
	/** Address of the module that the file gets when it imports from 'securenet'. */
	readonly api: string;
	readonly json: boolean;
	/** Names of cases; default: all. */
	readonly only: readonly string[] | undefined;
	/** File for the result as JUnit XML. */
	readonly junit?: string | undefined;
	/** A factor, as text. */
	readonly patience?: string | undefined;
};

/**
Fails when a case does. A signal ends it, takes its labs down and decides the exit status.

@param name of a driver of ours, or the path of a file
@throws InputError `driver`, `unknown-case`, `usage`
*/
export async function testDriverCommand(name: string, {api, json, only, junit, patience = '1'}: TestDriverOptions): Promise<Answer> {
	if (!(Number(patience) > 0)) {
		throw new InputError('usage', `--patience is a factor, such as 3; "${printable(patience)}" is none.`);
	}

	const driver = await loadDriver(name, api);
	using signals = new Signals();
	const result = await underWay(signals, driver, {only, patience: Number(patience)});
	if (junit !== undefined) {
		write(junit, result instanceof SuiteInterrupted ? junitXml(result.result, result.unfinished) : junitXml(result));
	}

	if (result instanceof SuiteInterrupted) {
		return {text: '', status: signals.exitStatus ?? exitStatus.failed};
	}

	return {...answer(result, reportText(result), {json}), status: result.ok ? 0 : exitStatus.failed};
}

/** What a signal ended is a result too. */
async function underWay(signals: Signals, driver: DriverUnderTest, options: SuiteOptions): Promise<SuiteResult | SuiteInterrupted> {
	const line = new ProgressLine();
	const progress = (what: string, done: number, total: number) => {
		line.show({what, done, total});
	};

	try {
		return await signals.interruptible(async signal => testDriver(driver, {...options, signal, progress}));
	} catch (error) {
		if (error instanceof SuiteInterrupted) {
			return error;
		}

		throw error;
	} finally {
		line.clear();
	}
}

/** A file says by `export const kind = 'perimeter'` that its driver is for perimeter firewalls; others are for switches. */
async function loadDriver(name: string, api: string): Promise<DriverUnderTest> {
	const known = firewallNames.find(each => each === name);
	const named = known && namedDrivers[known];
	if (named) {
		return {name, ...named};
	}

	const path = resolve(name);
	if (!existsSync(path)) {
		const {nearest, hint} = nearestTo(name, firewallNames);
		throw new InputError('driver', `"${printable(name)}" is neither a driver nor a file.${hint} Drivers: ${firewallNames.join(', ')}.`, {expected: [...firewallNames, 'file'], nearest});
	}

	const {default: create, kind = 'switch'} = await importFile(name, path, api, 'driver');
	if (typeof create !== 'function' || isClass(create) || (kind !== 'switch' && kind !== 'bridge' && kind !== 'perimeter')) {
		throw new InputError('driver', `${printable(name)} makes no driver. Write: export default context => driver, and export const kind = 'perimeter' or 'bridge' when it is not for switches.`, {expected: ['export default']});
	}

	return {name, kind: kind satisfies Kind, create: create as DriverFactory};
}

function write(path: string, text: string): void {
	try {
		writeFileSync(path, text);
	} catch (error) {
		throw new InputError('usage', `${printable(path)} cannot be written: ${messageOf(error)}`, {}, {cause: error});
	}
}

/** Such as a topology: it makes nothing when it is called. */
function isClass(create: object): boolean {
	return /^class\b/.test(Function.prototype.toString.call(create));
}
