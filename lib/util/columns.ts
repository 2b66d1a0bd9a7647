/** Text tables: columns as wide as their widest cell, two spaces apart. */

/** Lays out rows of cells; the last column is not padded. Returns lines without a final newline. */
export function columns(rows: ReadonlyArray<readonly string[]>, gap = '  '): string {
	const widths: number[] = [];
	for (const row of rows) {
		for (const [index, cell] of row.entries()) {
			widths[index] = Math.max(widths[index] ?? 0, cell.length);
		}
	}

	return rows
		.map(row => row.map((cell, index) => index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)).join(gap).trimEnd())
		.join('\n');
}
