/** Runs `securenet` as a user does. */
import {execa} from 'execa';

type Settings = {
	/** Standard input; default: empty. `open`: it stays open until the caller ends it. */
	readonly input?: string;
	readonly open?: boolean;
	readonly uid?: number;
	readonly gid?: number;
};

/** Never throws. */
export function securenet(args: readonly string[], {input = '', open = false, ...user}: Settings = {}) {
	return execa('node', ['bin/securenet.js', ...args], {reject: false, ...user, ...open ? {stdin: 'pipe'} as const : {input}});
}

/** The objects of `--json` output, one a line. */
export function objects(stdout: string): Array<Record<string, unknown>> {
	return stdout.split('\n').filter(Boolean).map(line => JSON.parse(line) as Record<string, unknown>);
}
