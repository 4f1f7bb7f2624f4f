/**
 * Expands the field bitmaps of a change event header to field paths. Each element of `changedFields`, `nulledFields` and `diffFields`
 * is either `0x…`, a bitmap over the top-level fields of the writer schema, or `P-0x…`, a bitmap over the parts of
 * the compound field at top-level position P. Bit 0 is the least significant.
 *
 * Source: "Event Deserialization Considerations", Pub/Sub API guide.
 */
export function expandBitmaps(elements: readonly string[], fields: readonly BitmapField[]): string[] {
  return elements.flatMap((element) => {
    const match = /^(?:(\d+)-)?0x([0-9a-f]+)$/i.exec(element);
    if (match === null) throw new Error(`"${element}" is not a field bitmap`);
    const [, parent, hex] = match;
    const positions = setBits(BigInt(`0x${hex}`));
    if (parent === undefined) return positions.map((position) => itemAt(fields, position, element).name);
    const { name, parts } = itemAt(fields, Number(parent), element);
    return positions.map((position) => `${name}.${itemAt(parts, position, element)}`);
  });
}

function setBits(bitmap: bigint): number[] {
  const positions: number[] = [];
  for (let rest = bitmap, position = 0; rest > 0n; rest >>= 1n, position++) {
    if (rest & 1n) positions.push(position);
  }
  return positions;
}

function itemAt<T>(items: readonly T[], position: number, element: string): T {
  const item = items[position];
  if (item === undefined) throw new Error(`"${element}" names position ${position} of ${items.length}`);
  return item;
}

export type BitmapField = {
  readonly name: string;
  /** Names of the parts of a compound field; empty for a plain one. */
  readonly parts: readonly string[];
};
