/** The 18-character form of a record id; undefined for another text or a wrong checksum. */
export function toLongId(id: string): string | undefined {
  if (!/^[0-9A-Za-z]{15}([A-Z0-5]{3})?$/.test(id)) return undefined;
  const long = withChecksum(id.slice(0, 15));
  return id.length === 15 || id === long ? long : undefined;
}

/** The case-sensitive 15-character form that Salesforce prints in messages. */
export function toShortId(id: string): string {
  return id.slice(0, 15);
}

/** Appends the three characters that make a 15-character id case-insensitive. */
export function withChecksum(shortId: string): string {
  let suffix = '';
  for (let start = 0; start < 15; start += 5) {
    let bits = 0;
    for (let offset = 0; offset < 5; offset += 1) {
      const code = shortId.charCodeAt(start + offset);
      if (code >= 65 && code <= 90) bits |= 1 << offset;
    }
    suffix += CHECKSUM_CHARACTERS.charAt(bits);
  }
  return shortId + suffix;
}

/** The id number `ordinal` of an object with this three-character key prefix; ids sort like their ordinals. */
export function mintId(keyPrefix: string, ordinal: number): string {
  let digits = '';
  for (let rest = ordinal; rest > 0; rest = Math.floor(rest / 62)) {
    digits = DIGITS.charAt(rest % 62) + digits;
  }
  return withChecksum(`${keyPrefix}${INSTANCE}${digits.padStart(10, '0')}`);
}

/** The object a record id belongs to: `001` is Account. */
export function keyPrefixOf(id: string): string {
  return id.slice(0, 3);
}

const CHECKSUM_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const INSTANCE = 'TM';
