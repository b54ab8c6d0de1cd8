import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** A column of a table: its UPPER-CASE header, how a row fills it, and an optional colour that takes no width. */
export interface Column<Row> {
  readonly header: string;
  readonly value: (row: Row) => string | number;
  readonly colour?: (row: Row) => Parameters<Style>[0] | undefined;
}

const gap = '   ';

/** Rows in kubectl's look: padded columns, no borders, `-` is not put in for empty cells. Ends with a line feed. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row)))));
  const widths = columns.map((column, index) =>
    Math.max(column.header.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const pad = (text: string, index: number) =>
    index === columns.length - 1 ? text : text.padEnd(widths[index] ?? 0) + gap;
  const header = columns.map((column, index) => pad(column.header, index)).join('');
  const lines = rows.map((row, line) =>
    columns
      .map((column, index) => {
        const padded = pad(cells[line]?.[index] ?? '', index);
        const colour = column.colour?.(row);
        return colour === undefined ? padded : style(colour, padded);
      })
      .join('')
      .trimEnd(),
  );
  return `${[style('bold', header), ...lines].join('\n')}\n`;
}
