import { type Color, type Output, toPrintable } from './output.ts';

export type Row = readonly string[];

const columnGap = '  ';

/**
 * Aligns rows in columns, under a head if there is one. Cells with the name of a state are colored.
 * Lines are cut at the width of the terminal; the last column may contain wide characters.
 */
export function formatTable(out: Output, rows: readonly Row[], head?: Row): string {
  const all = [...(head === undefined ? [] : [head]), ...rows].map((row) => row.map(toPrintable));
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row, index) => formatRow(out, row, widths, head !== undefined && index === 0)).join('\n');
}

function formatRow(out: Output, row: Row, widths: readonly number[], isHead: boolean): string {
  let left = out.columns ?? Number.POSITIVE_INFINITY;
  const cells = row.map((cell, column) => {
    const isLast = column === row.length - 1;
    const text = shorten(cell, left);
    left -= (widths[column] ?? 0) + columnGap.length;
    const padding = isLast ? '' : ' '.repeat(Math.max(0, (widths[column] ?? 0) - cell.length));
    return `${isHead ? out.paint('dim', text) : paintState(out, text)}${padding}`;
  });
  return cells.join(columnGap).trimEnd();
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

const stateColors: Readonly<Record<string, Color>> = {
  failed: 'red',
  open: 'red',
  stopped: 'red',
  'needs-confirmation': 'yellow',
  paused: 'yellow',
  pending: 'yellow',
  repairing: 'yellow',
  applied: 'green',
  confirmed: 'green',
  done: 'green',
  streaming: 'green',
};

function paintState(out: Output, cell: string): string {
  const color = stateColors[cell];
  return color === undefined ? cell : out.paint(color, cell);
}
