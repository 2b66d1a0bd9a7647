/** How crowded this machine is: what takes long only because others want its processors says nothing about what is measured. */
import {readFileSync} from 'node:fs';

/** Milliseconds since this machine began in which somebody waited for a processor, in pressure stall information of the kernel; 0 where it has none. */
export function crowdedUntilNow(): number {
	try {
		return Number(/^some .*total=(\d+)/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 1000;
	} catch {
		return 0;
	}
}
