import { hash } from 'node:crypto';

/** A name for a prepared statement, from its text. PostgreSQL shortens names to 63 bytes. */
export function statementName(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = hash('sha256', text, 'base64url').slice(0, 22);
  if (names.size >= maxNames) names.clear();
  names.set(text, name);
  return name;
}

const names = new Map<string, string>();
const maxNames = 1_000;
