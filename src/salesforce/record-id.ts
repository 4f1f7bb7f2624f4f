const form = /^[a-zA-Z0-9]{15}(?:[A-Z0-5]{3})?$/;
const checksumAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';

/**
 * A record id in its 18-character form, from 15 or 18 characters; undefined for anything else.
 * The last three characters say which of the first fifteen are upper case, five at a time.
 */
export function parseRecordId(id: string): string | undefined {
  if (!form.test(id)) return undefined;
  const full = id.slice(0, 15) + checksum(id);
  return id.length === 15 || id === full ? full : undefined;
}

/** Ids go into SOQL as text: nothing but an id may. */
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
