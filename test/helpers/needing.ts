/** Tests of what a kernel may lack: where it does, they are skipped with the sentence of `capabilities`. */
import test, {type ExecutionContext} from 'ava';
import {capabilities} from '../../lib/kernel/capabilities.ts';

export type Declare = (title: string, implementation: (t: ExecutionContext) => Promise<void> | void) => void;

/** @param name of a capability, such as `netem` */
export async function needing(name: string): Promise<Declare> {
	const {available, detail, cure} = (await capabilities()).find(each => each.name === name) ?? {available: false, detail: `Nobody asks for ${name}.`, cure: ''};
	return (title, implementation) => {
		if (available) {
			test.serial(title, implementation);
		} else {
			// Behind the title, which scripts/test finds in the report of a machine that has it.
			test.serial.skip(`${title}: ${detail} ${cure ?? ''}`.trim(), implementation);
		}
	};
}
