/** Lets the kernel close the ports of userspace switches quickly, for as long as something takes. */
import {raiseSettings, rcuExpedited, releaseSettings} from './host-settings.ts';
import {isDiskError} from './state-files.ts';

/** Does work with the setting raised; without it, and more slowly, where a full disk lets nobody write down that it is: a clean-up must not need room. */
export async function expedited<Result>(lab: string, work: () => Promise<Result>): Promise<Result> {
	const isRaised = attempt(() => {
		raiseSettings(lab, [rcuExpedited], 1);
	});
	try {
		return await work();
	} finally {
		if (isRaised) {
			// What cannot be written down now goes back with the lab.
			attempt(() => {
				releaseSettings(lab, [rcuExpedited]);
			});
		}
	}
}

/** Whether the disk let it be done. */
function attempt(deed: () => void): boolean {
	try {
		deed();
		return true;
	} catch (error) {
		if (isDiskError(error)) {
			return false;
		}

		throw error;
	}
}
