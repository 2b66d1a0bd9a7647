/** The command line: yargs reads it, this file prints what went wrong and sets the exit status, and no other file does. */
import yargs, {type Argv} from 'yargs';
import manifest from '../package.json' with {type: 'json'};
import type {Answer} from './cli/answer.ts';
import {InputError, SecureNetError, messageOf} from './util/errors.ts';
import {printable, unknownName} from './util/names.ts';

/** The subcommands and how each is written, for messages. */
const forms: Readonly<Record<string, string>> = {
	run: 'run TOPOLOGY [OPTION …]',
	exec: 'exec LAB NODE -- COMMAND …',
	list: 'list [--json]',
	inspect: 'inspect LAB [--json]',
	env: 'env LAB [--json]',
	check: 'check TOPOLOGY … [--json]',
	'test-driver': 'test-driver NAME|FILE.ts [--junit FILE] [--json]',
	doctor: 'doctor [--json]',
	clean: 'clean [--json]',
};

/** What `exec` ends with when securenet itself fails, so that it cannot be taken for the command's own status. */
const execFailed = 125;
/** 128 + SIGHUP. */
const hungUp = 129;

/**
Runs a command line and ends the process.

@param argv without the program's name
@param api address of the module that topology files get when they import from 'securenet'
*/
export async function main(argv: readonly string[], api: string): Promise<never> {
	for (const stream of [process.stdout, process.stderr]) {
		stream.on('error', ignoreLostReader);
	}

	let status: number;
	try {
		status = await dispatch(argv, api);
	} catch (error) {
		const failed = await fail(error);
		status = argv[0] === 'exec' ? execFailed : failed;
	}

	if (status === hungUp && process.stdin.isTTY) {
		// Node fails an assertion on its way out when the terminal that it wants to put in order is gone; the signal itself ends it cleanly.
		process.kill(process.pid, 'SIGHUP');
	}

	process.exit(status);
}

/** Whoever reads our output may stop reading, as `head` does, or hang up, as a terminal does: the lab must still come down. */
function ignoreLostReader(error: NodeJS.ErrnoException): void {
	if (error.code !== 'EPIPE' && error.code !== 'EIO') {
		throw error;
	}
}

async function fail(error: unknown): Promise<number> {
	const {paintFor} = await import('./repl/paint.ts');
	const known = error instanceof SecureNetError;
	const shown = known ? error : new SecureNetError('internal', `This is a mistake in SecureNet: ${error instanceof Error ? error.stack ?? error.message : messageOf(error)}`);
	process.stderr.write(`securenet: ${paintFor(process.stderr).error(shown)}\n`);
	return shown.exitStatus;
}

async function dispatch(argv: readonly string[], api: string): Promise<number> {
	let status = 0;
	refuseUnknown(argv[0]);
	const line = commandLine(argv);
	const ending = async (work: () => Promise<number>) => {
		status = await work();
	};

	addRun(line, {api, help: await ownHelp(argv, api)}, ending);
	addLabCommands(line, ending);
	addMachineCommands(line, api, ending);
	await line.parseAsync();
	return status;
}

/** @throws InputError `unknown-subcommand` */
function refuseUnknown(first: string | undefined): void {
	if (first !== undefined && !first.startsWith('-') && first !== 'help' && !Object.hasOwn(forms, first)) {
		throw unknownName('subcommand', first, Object.keys(forms));
	}
}

/** How a subcommand's handler runs: its exit status becomes the process's. */
type Ending = (work: () => Promise<number>) => Promise<void>;

function commandLine(argv: readonly string[]): Argv {
	return yargs([...argv])
		.scriptName('securenet')
		.usage('$0 COMMAND …\n\nA network lab in one Linux kernel: emulate a topology, secure it with one-sentence rules, prove what they allow.')
		.parserConfiguration({
			'boolean-negation': false,
			'camel-case-expansion': false,
			'dot-notation': false,
			'nargs-eats-options': true,
			'parse-numbers': false,
			'parse-positional-numbers': false,
			'populate--': true,
		})
		.detectLocale(false)
		.exitProcess(false)
		.strict()
		.demandCommand(1, `Say what to do: ${Object.keys(forms).join(', ')}.`)
		.version(manifest.version)
		.epilogue('Exit status: 0 all good, 1 a line or a command failed, 2 the input is wrong, 3 this machine cannot do it, 128 + n ended by signal n.')
		.fail((message: string | null, error: Error | undefined) => {
			throw error && error.name !== 'YError' ? error : new InputError('usage', `${reworded(message ?? messageOf(error))}\n${nextStep(argv[0] ?? '')}`);
		});
}

/** What yargs says in the words of programmers, in ours. */
function reworded(message: string): string {
	return message
		.replace(/^Not enough non-option arguments: got (\d+), need at least (\d+)$/, 'Words are missing: $1 given, $2 needed.')
		.replace(/^Not enough arguments following: (.+)$/, 'A value is missing behind "$1".');
}

function nextStep(subcommand: string): string {
	const form = Object.hasOwn(forms, subcommand) ? forms[subcommand] : undefined;
	return form === undefined ? 'securenet --help shows what can be written.' : `Write: securenet ${form}; securenet ${subcommand} --help shows more.`;
}

const jsonOption = {json: {type: 'boolean', default: false, describe: 'JSON instead of text'}} as const;

const runOptions = {
	// Not an array for yargs: the lines of one could not begin with a dash.
	command: {alias: 'c', type: 'string', nargs: 1, requiresArg: true, describe: 'run this line; repeatable', conflicts: 'script'},
	script: {type: 'string', nargs: 1, requiresArg: true, describe: 'run the lines of a file'},
	name: {type: 'string', nargs: 1, requiresArg: true, describe: 'name of the lab; default: the topology\'s'},
	json: {type: 'boolean', default: false, describe: 'one JSON object per line that ran'},
	transcript: {type: 'boolean', default: false, describe: 'print prompt and line before each output'},
	switch: {choices: ['ovs', 'bridge'] as const, requiresArg: true, describe: 'switches of shapes'},
	firewall: {type: 'string', nargs: 1, requiresArg: true, describe: 'firewall driver of all nodes that it fits; repeatable'},
	arp: {type: 'boolean', default: false, describe: 'permanent neighbour entries everywhere'},
	time: {type: 'boolean', default: false, describe: 'print how long up and down took'},
} as const;

const testDriverOptions = {
	case: {type: 'string', nargs: 1, requiresArg: true, describe: 'this case only; repeatable'},
	junit: {type: 'string', nargs: 1, requiresArg: true, describe: 'write the result as JUnit XML'},
	patience: {type: 'string', nargs: 1, requiresArg: true, describe: 'factor of all time limits, for slow machines'},
	...jsonOption,
} as const;

/** What `run TOPOLOGY --help` shows of the topology, or why that cannot be read: help is for those whose line is not right yet. Undefined for every other line. */
async function ownHelp([subcommand, ...words]: readonly string[], api: string): Promise<string | undefined> {
	if (subcommand !== 'run' || !words.includes('--help')) {
		return undefined;
	}

	const {topologyHelp} = await import('./cli/topology-help.ts');
	try {
		return await topologyHelp(words, runOptions, api);
	} catch (error) {
		if (error instanceof InputError) {
			return error.message;
		}

		throw error;
	}
}

/** Parameters are the topology's own, so that options which nobody here knows are no mistake yet. */
function addRun(line: Argv, {api, help = ''}: {readonly api: string; readonly help?: string | undefined}, ending: Ending): void {
	line.command('run <topology>', 'start a lab: the prompt, or the lines of -c, --script or standard input', builder => builder
		.strict(false)
		.epilogue(help)
		.positional('topology', {type: 'string', demandOption: true, describe: 'a file, or a shape such as single,2 linear,3 tree,2,3'})
		.options(runOptions)
		.example('$0 run topologies/securenet.ts', 'the prompt in a running network')
		.example('$0 run tree,2,3 -c pingall', 'up, one line, down'), async options => ending(async () => {
		const {loadTopology} = await import('./cli/load.ts');
		// It may stand more than once, and of `check` it is a parameter like any other.
		const parameters = parametersIn({...options, firewall: undefined}, runOptions);
		const switchKind = options.switch && ({ovs: 'switch', bridge: 'bridge'} as const)[options.switch];
		const topology = await loadTopology(options.topology, {api, switchKind, parameters, options: Object.keys(runOptions)});
		const {command, script} = options;
		const lines = script === undefined ? linesOf(command) : await (await import('./commands/file-lines.ts')).fileLines(script);
		const {firewallNamed} = await import('./topology/firewalls.ts');
		const {runSession} = await import('./repl/session.ts');
		return runSession(topology, {...options, firewalls: [options.firewall ?? []].flat().map(firewallNamed), lines});
	}));
}

/** Yargs gives one line as text, several as an array; undefined for none. */
function linesOf(command: string | readonly string[] | undefined): readonly string[] | undefined {
	return command === undefined ? undefined : [command].flat();
}

function addLabCommands(line: Argv, ending: Ending): void {
	const named = (builder: Argv) => builder.positional('lab', {type: 'string', demandOption: true}).options(jsonOption);
	line.command('exec <lab> <node>', 'run a command in a node of a running lab: exec LAB NODE -- COMMAND …', builder => builder
		.positional('lab', {type: 'string', demandOption: true})
		.positional('node', {type: 'string', demandOption: true}), async ({lab, node, '--': argv = []}) => ending(async () => {
		const {execInNode} = await import('./cli/exec.ts');
		const {exitCode, stderr} = await execInNode(lab, node, argv as string[]);
		process.stderr.write(stderr);
		return exitCode;
	}));
	line.command('list', 'labs that run', builder => builder.options(jsonOption), async options => ending(async () => {
		const {listLabs} = await import('./cli/labs.ts');
		return print(listLabs(options));
	}));
	line.command('inspect <lab>', 'one running lab: nodes, namespaces, daemons', named, async ({lab, ...options}) => ending(async () => {
		const {inspectLab} = await import('./cli/labs.ts');
		return print(inspectLab(lab, options));
	}));
	line.command('env <lab>', 'for eval: lets ovs-vsctl and ovs-ofctl find a lab\'s switches', named, async ({lab, ...options}) => ending(async () => {
		const {labEnvironment} = await import('./cli/labs.ts');
		return print(labEnvironment(lab, options));
	}));
}

function addMachineCommands(line: Argv, api: string, ending: Ending): void {
	line.command('check <topologies..>', 'every problem of topologies, without root', builder => builder
		.strict(false)
		.positional('topologies', {type: 'string', array: true, demandOption: true})
		.options(jsonOption), async options => ending(async () => {
		const {checkTopologies} = await import('./cli/check.ts');
		return print(await checkTopologies(options.topologies, {api, parameters: parametersIn(options, jsonOption), options: Object.keys(jsonOption)}, options));
	}));
	line.command('test-driver <driver>', 'the contract of firewall drivers, case by case, on real packets', builder => builder
		.positional('driver', {type: 'string', demandOption: true, describe: 'a driver\'s name, or a file whose default export makes one'})
		.options(testDriverOptions)
		.example('$0 test-driver openflow --case F3', 'one case'), async ({driver, case: only, ...options}) => ending(async () => {
		const {testDriverCommand} = await import('./cli/test-driver.ts');
		return print(await testDriverCommand(driver, {...options, api, only: linesOf(only)}));
	}));
	line.command('doctor', 'what this machine can do', builder => builder.options(jsonOption), async options => ending(async () => {
		const {doctor} = await import('./cli/machine.ts');
		return print(await doctor(options));
	}));
	line.command('clean', 'take away what killed labs left', builder => builder.options(jsonOption), async options => ending(async () => {
		const {cleanUp} = await import('./cli/machine.ts');
		return print(await cleanUp(options));
	}));
}

/** What a signal ended has nothing to say. */
function print({text, status = 0}: Answer): number {
	process.stdout.write(text === '' ? '' : `${text}\n`);
	return status;
}

/** What yargs adds to the options, and the options that may stand more than once. */
const notParameters = new Set(['_', '$0', '--', 'topology', 'topologies', 'command', 'c']);

/** The options that are not ours, by name; a flag without a value is the empty text. */
function parametersIn(options: Readonly<Record<string, unknown>>, known: object): Record<string, string> {
	const [, extra] = options['_'] as ReadonlyArray<string | number>;
	if (extra !== undefined) {
		throw new InputError('usage', `"${printable(String(extra))}" is a word too many. Give parameters as --name value.`);
	}

	const given = Object.entries(options).filter(([name, value]) => !notParameters.has(name) && value !== undefined);
	const repeated = given.find(([, value]) => Array.isArray(value));
	if (repeated) {
		throw new InputError('usage', `--${repeated[0]} is given more than once.`);
	}

	return Object.fromEntries(given.filter(([name]) => !Object.hasOwn(known, name)).map(([name, value]) => [name, value === true ? '' : String(value)]));
}
