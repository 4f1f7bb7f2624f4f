/**
 * PostgreSQL stores no NUL in a text and, in JSON, no half of a surrogate pair. Salesforce and its clients may send both:
 * an emoji can be cut in two by a length limit. U+FFFD, the replacement character, takes their place.
 * Source: "Character Types" and "JSON Types", PostgreSQL manual.
 */
export function storableText(text: string): string {
  return isStorableText(text) ? text : text.toWellFormed().replaceAll('\0', '\ufffd');
}

export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** JSON text for a parameter of the type json or jsonb. Use it in place of `JSON.stringify`. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  // A text that contains a backslash and these letters is found too, and does not change.
  return unstorableEscape.test(json) ? JSON.stringify(withStorableTexts(value)) : json;
}

const unstorableEscape = /\\u(?:0000|d[89a-f][0-9a-f]{2})/;

function withStorableTexts(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(withStorableTexts);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storableText(name), withStorableTexts(member)]),
  );
}
