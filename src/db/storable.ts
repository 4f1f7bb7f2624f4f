/**
 * Replaces characters that PostgreSQL cannot store by U+FFFD: NUL, and in JSON lone surrogates. Salesforce and its
 * clients can send both, for example an emoji that a length limit has cut in two.
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
  // Also matches a text that contains such an escape literally; the replacement leaves it unchanged.
  return hasUnstorableText(json) ? JSON.stringify(withStorableTexts(value)) : json;
}

/** Whether JSON text may contain a character that PostgreSQL cannot store. */
function hasUnstorableText(json: string): boolean {
  return unstorableEscape.test(json);
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
