/**
Runs the contract of drivers and system tests on the machine it is started on, and writes what they came to.

	node --import tsx scripts/vm/suites.ts FILE [WORD …]

A word is a driver (`openflow`), a case of one (`openflow:F3`), or a pattern of test files. Without words: all drivers, and the tests of what is nearest to the kernel.
*/
import {release} from 'node:os';
import {execa} from 'execa';
import type {Capability} from '../../lib/kernel/capabilities.ts';
import {firewallNames} from '../../lib/topology/firewalls.ts';
import {messageOf} from '../../lib/util/errors.ts';
import {type Suite, writeOutcome} from './outcome.ts';
import {runSystemTests} from './system-tests.ts';
import {failed} from './tap.ts';

const nearTheKernel = ['test/kernel/*.ts', 'test/link/*.ts', 'test/network/*.ts', 'test/node/*.ts'];
const patience = Number(process.env['SECURENET_TEST_PATIENCE'] ?? 1);

const [file = '', ...words] = process.argv.slice(2);
const began = performance.now();
const {capabilities} = await securenet<{readonly capabilities: readonly Capability[]}>('doctor', '--json');
const suites: Suite[] = [];
for (const [driver, cases] of chosenDrivers()) {
	console.error(`${driver} …`);
	suites.push(await contract(driver, cases));
}

const patterns = words.length === 0 ? nearTheKernel : words.filter(word => driverOf(word) === undefined);
if (patterns.length > 0) {
	console.error('system tests …');
	suites.push(await runSystemTests(patterns, patience));
}

const inKernel = capabilities.some(({name, available}) => name === 'openvswitch datapath' && available);
writeOutcome(file, {machine: `Linux ${release()}, ${inKernel ? 'kernel' : 'userspace'} datapath`, capabilities, suites, ms: performance.now() - began});

/** Each with the cases that were asked for; without any, all of them are. */
function chosenDrivers(): Map<string, string[]> {
	const chosen = new Map<string, string[]>();
	for (const word of words.length === 0 ? firewallNames : words) {
		const driver = driverOf(word);
		if (driver !== undefined) {
			chosen.set(driver, [...chosen.get(driver) ?? [], ...word.split(':').slice(1)]);
		}
	}

	return chosen;
}

function driverOf(word: string): string | undefined {
	return firewallNames.find(name => name === word.split(':')[0]);
}

/** A driver that cannot even begin is one failure, and the others have their turn. */
async function contract(driver: string, cases: readonly string[]): Promise<Suite> {
	try {
		return await securenet<Suite>('test-driver', driver, ...cases.flatMap(name => ['--case', name]), '--patience', `${patience}`, '--json');
	} catch (error) {
		return {driver, cases: [failed('', 'the suite', messageOf(error))], ms: 0};
	}
}

/** A suite with failures has another exit status, and its JSON all the same. */
async function securenet<Value>(...args: readonly string[]): Promise<Value> {
	const {stdout, stderr} = await execa('bin/securenet.js', args, {reject: false, stdin: 'ignore'});
	if (stdout === '') {
		throw new Error(`securenet ${args.join(' ')}: ${stderr}`);
	}

	return JSON.parse(stdout) as Value;
}
