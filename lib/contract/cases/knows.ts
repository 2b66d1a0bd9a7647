/** What a driver can enforce: it may refuse kinds of rules, and a case that needs none of them says what it can without. */
import {SecureNetError} from '../../util/errors.ts';
import type {Stage} from '../stage.ts';

/** Whether the driver in force knows a rule, such as `deny any to any`: a plan changes nothing. */
export async function knows(stage: Stage, rule: string): Promise<boolean> {
	return takes(async () => stage.run(`secrule plan ${rule}`));
}

/** Security groups only allow, and the rest is denied by default: there a case says no more than what is allowed. */
export async function knowsDeny(stage: Stage): Promise<boolean> {
	return knows(stage, 'deny any to any');
}

/** Does some work, unless a driver refuses it. */
export async function takes(work: () => Promise<void>): Promise<boolean> {
	try {
		await work();
		return true;
	} catch (error) {
		if (error instanceof SecureNetError && error.code === 'unsupported') {
			return false;
		}

		throw error;
	}
}
