/** What nft refuses, told with the rule behind it. */
import {RulesError} from '../kernel/iptables.ts';
import {ProgramError} from '../kernel/process.ts';
import {DeviceError} from './driver.ts';

type Line = {readonly chain: string; readonly text: string; readonly sentence: string};

/**
A refused transaction has changed nothing; of one that was broken off nobody knows.

@param lines those that may be refused; asked only when one is
@param changes whether the work is the change itself and not a look at it
@throws DeviceError for whatever the work throws
*/
export async function namingRefused(device: string, lines: () => readonly Line[], work: () => Promise<void>, changes: boolean): Promise<void> {
	try {
		await work();
	} catch (error) {
		const refused = error instanceof RulesError ? error.refused : undefined;
		const line = refused === undefined ? undefined : lines().find(({chain, text}) => refused.endsWith(` ${chain} ${text}`));
		throw new DeviceError(device, line?.sentence, error, {unanswered: changes && error instanceof ProgramError});
	}
}
