/** What a change would do to a device, as lines that would come and go. */

export type DeviceChange = {
	readonly device: string;
	/** Lines, as the device takes them, that would be there and are not. */
	readonly added: readonly string[];
	readonly removed: readonly string[];
};

/** @param before what the device has @param after what it is to have */
export function difference(before: readonly string[], after: readonly string[]): Pick<DeviceChange, 'added' | 'removed'> {
	const [old, now] = [new Set(before), new Set(after)];
	return {added: [...now].filter(text => !old.has(text)), removed: [...old].filter(text => !now.has(text))};
}
