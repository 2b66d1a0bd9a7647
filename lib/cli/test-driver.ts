/** `test-driver NAME|FILE`: does a firewall driver keep the contract? */
import {existsSync, writeFileSync} from 'node:fs';
import {resolve} from 'node:path';
import type {Kind} from '../contract/case.ts';
import {junitXml} from '../contract/junit.ts';
import {reportText} from '../contract/report.ts';
import {type DriverUnderTest, testDriver} from '../contract/suite.ts';
import {type DriverFactory, namedDrivers} from '../drivers/factory.ts';
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
Fails when a case does.

@param name of a driver of ours, or the path of a file
@throws InputError `driver`, `unknown-case`, `usage`
*/
export async function testDriverCommand(name: string, {api, json, only, junit, patience = '1'}: TestDriverOptions): Promise<Answer> {
	if (!(Number(patience) > 0)) {
		throw new InputError('usage', `--patience is a factor, such as 3; "${printable(patience)}" is none.`);
	}

	const result = await testDriver(await loadDriver(name, api), {only, patience: Number(patience)});
	if (junit !== undefined) {
		write(junit, junitXml(result));
	}

	return {...answer(result, reportText(result), {json}), status: result.ok ? 0 : exitStatus.failed};
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
	if (typeof create !== 'function' || (kind !== 'switch' && kind !== 'bridge' && kind !== 'perimeter')) {
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
