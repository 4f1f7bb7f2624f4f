const form = /^[a-zA-Z0-9]{15}(?:[A-Z0-5]{3})?$/;
const checksumAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';

/**
 * Converts a record id of 15 or 18 characters to 18; undefined if it is not an id. The last three characters encode the
 * case of the first fifteen.
 */
export function parseRecordId(id: string): string | undefined {
  if (!form.test(id)) return undefined;
  const full = id.slice(0, 15) + checksum(id);
  return id.length === 15 || id === full ? full : undefined;
}

/** Validates an id before it becomes part of SOQL or a URL. @throws Error */
export function checkedId(id: string): string {
  const checked = parseRecordId(id);
  if (checked === undefined) throw new Error(`"${id}" is not a record id`);
  return checked;
}

/** The key prefix of Account ids. */
export const accountPrefix = '001';

function checksum(id: string): string {
  return [0, 5, 10].map((start) => checksumAlphabet[upperCaseBits(id.slice(start, start + 5))]).join('');
}

function upperCaseBits(part: string): number {
  return [...part].reduce(
    (bits, letter, index) => bits | (letter >= 'A' && letter <= 'Z' ? 1 << index : 0),
    0,
  );
}
