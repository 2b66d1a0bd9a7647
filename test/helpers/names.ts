/** Names for what a test makes on this machine: from the process, so that two runs can live side by side. */

let count = 0;

/** A lab or namespace name that no other test uses, such as `t4711-1`. */
export function uniqueName(): string {
	count++;
	return `t${process.pid}-${count}`;
}
