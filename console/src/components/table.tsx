import type { ComponentChildren } from 'preact';

export type Column<T> = {
  readonly head: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly isNumber?: boolean;
  /** Left out on narrow screens; another view shows it. */
  readonly isSecondary?: boolean;
};

type Props<T> = {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** What would be here. */
  readonly empty: ComponentChildren;
};

export function Table<T>({ label, columns, rows, keyOf, empty }: Props<T>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  const classOf = ({ isNumber, isSecondary }: Column<T>): string =>
    [isNumber && 'number', isSecondary && 'secondary'].filter(Boolean).join(' ');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls by keyboard
    <section class="table" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={classOf(column)}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.head} class={classOf(column)} data-head={column.head}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
