/** Numbered lists as the prompt prints them: `0: h30`, numbers aligned. The number is a position, never an argument. */

export function numberedList(items: readonly string[]): string {
	const width = String(items.length - 1).length;
	return items.map((item, index) => `${String(index).padStart(width)}: ${item}`).join('\n');
}
