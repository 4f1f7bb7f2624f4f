/** The bitmap `0x…` of bit positions: one big-endian number in upper case, of the fewest possible bytes. */
export function bitmapOf(positions: Iterable<number>): string {
  let bits = 0n;
  for (const position of positions) bits |= 1n << BigInt(position);
  const hex = bits.toString(16).toUpperCase();
  return `0x${hex.length % 2 === 0 ? hex : `0${hex}`}`;
}

/**
 * The elements of `changedFields` or `nulledFields`: a bitmap of the top-level fields unless it is empty, then
 * `P-0x…` for each compound field at position P of which only parts are selected.
 */
export function bitmapElements(selection: FieldSelection): string[] {
  const elements = selection.fields.length > 0 ? [bitmapOf(selection.fields)] : [];
  for (const [position, parts] of selection.parts) {
    if (parts.length > 0) elements.push(`${position}-${bitmapOf(parts)}`);
  }
  return elements;
}

/** Positions in the writer schema; `parts` has those of partially selected compound fields. */
export type FieldSelection = {
  readonly fields: readonly number[];
  readonly parts: ReadonlyMap<number, readonly number[]>;
};
