/** How much of a text a terminal's screen has room for. */

export type ScreenSize = {readonly columns: number; readonly rows: number};

/** The first lines, and how many more there are; the cursor's own line, below them, counts. A line wider than the screen takes several of its rows. All of them where a terminal does not say how big it is (0 × 0), or has no room for a line and the cursor. */
export function fitted(text: string, {columns, rows}: ScreenSize): string {
	if (columns < 1 || rows < 2) {
		return text;
	}

	const lines = text.split('\n');
	const heights = lines.map(line => Math.max(1, Math.ceil(line.length / columns)));
	const fits = (count: number, room: number) => heights.slice(0, count).reduce((sum, height) => sum + height, 0) <= room;
	const room = rows - 1;
	if (fits(lines.length, room)) {
		return text;
	}

	const shown = heights.findIndex((_, index) => !fits(index + 1, room - 1));
	return [...lines.slice(0, shown), `… ${lines.length - shown} more`].join('\n');
}
