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
  return checksumLetter(id, 0) + checksumLetter(id, 5) + checksumLetter(id, 10);
}

/** Encodes which of five characters are upper-case letters. */
function checksumLetter(id: string, start: number): string {
  let bits = 0;
  for (let i = 0; i < 5; i++) {
    const letter = id.charAt(start + i);
    if (letter >= 'A' && letter <= 'Z') bits |= 1 << i;
  }
  return checksumAlphabet.charAt(bits);
}
