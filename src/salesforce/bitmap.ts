/**
 * The fields that a change event header names. Each element of `changedFields`, `nulledFields` and `diffFields`
 * is either `0x…`, a bitmap over the top-level fields of the writer schema, or `P-0x…`, a bitmap over the parts of
 * the compound field at top-level position P. Any element may come alone. Bit 0 is the least significant.
 *
 * Source: "Event Deserialization Considerations", Pub/Sub API guide.
 */
export function expandBitmaps(elements: readonly string[], fields: readonly BitmapField[]): string[] {
  return elements.flatMap((element) => {
    const match = /^(?:(\d+)-)?0x([0-9a-f]+)$/i.exec(element);
    if (match === null) throw new Error(`"${element}" is not a field bitmap`);
    const [, parent, hex] = match;
    const positions = setBits(BigInt(`0x${hex}`));
    if (parent === undefined) return positions.map((position) => fieldAt(fields, position, element).name);
    const { name, parts } = fieldAt(fields, Number(parent), element);
    return positions.map((position) => `${name}.${partAt(parts, position, element)}`);
  });
}

function setBits(bitmap: bigint): number[] {
  const positions: number[] = [];
  for (let rest = bitmap, position = 0; rest > 0n; rest >>= 1n, position++) {
    if (rest & 1n) positions.push(position);
  }
  return positions;
}

function fieldAt(fields: readonly BitmapField[], position: number, element: string): BitmapField {
  const field = fields[position];
  if (field === undefined) throw new Error(`"${element}" names field ${position} of ${fields.length}`);
  return field;
}

function partAt(parts: readonly string[], position: number, element: string): string {
  const part = parts[position];
  if (part === undefined) throw new Error(`"${element}" names part ${position} of ${parts.length}`);
  return part;
}

export type BitmapField = {
  readonly name: string;
  /** Names of the parts of a compound field; empty for a plain one. */
  readonly parts: readonly string[];
};
