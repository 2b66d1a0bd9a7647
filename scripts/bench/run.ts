/**
How long a whole command takes, from the shell's point of view: the program starts, a lab comes up, a ping passes, the lab goes.

	node --import tsx scripts/bench/run.ts [--quick] [--runs N] [--json FILE]
*/
import {fileURLToPath} from 'node:url';
import {execa} from 'execa';
import {type Kind, programs, startMininet} from './labs.ts';
import {type Row, median, progress, ratio, readOptions, report} from './report.ts';

const options = readOptions(9);
const securenet = fileURLToPath(new URL('../../bin/securenet.js', import.meta.url));

report({'Whole commands, seconds': [await compare('ovs'), await compare('bridge')]}, options);

/** The first run of each is not counted: it translates the program. */
async function compare(kind: Kind): Promise<Row> {
	const [ours, theirs]: [number[], number[]] = [[], []];
	for (let run = 0; run <= options.runs; run++) {
		ours.push(await runSecurenet(kind));
		if (programs.includes('mininet')) {
			theirs.push(await runMininet(kind));
		}

		progress(`${kind}: securenet ${ours.at(-1)?.toFixed(2) ?? ''} s, Mininet ${theirs.at(-1)?.toFixed(2) ?? '–'} s`);
	}

	const [us, them] = [median(ours.slice(1)), median(theirs.slice(1))];
	return {'switches': kind, 'securenet run single,2 -c \'h1 ping -c1 h2\'': us, 'mn --topo single,2 --test pingpair': them, 'ratio': ratio(us, them)};
}

async function runSecurenet(kind: Kind): Promise<number> {
	const {durationMs} = await execa('node', [securenet, 'run', 'single,2', '--switch', kind, '--name', `bench-${process.pid}`, '-c', 'h1 ping -c1 h2']);
	return durationMs / 1000;
}

async function runMininet(kind: Kind): Promise<number> {
	const {stdout} = await startMininet(['run', 'single,2', kind]);
	return (JSON.parse(stdout) as {readonly ms: number}).ms / 1000;
}
