import type { ApiKey, Scope } from '../http/api-key.ts';
import { ConfigError } from './config-error.ts';

const scopes: readonly Scope[] = ['read', 'write', 'admin'];

/**
 * Reads `name:scope+scope:secret,…`. A secret may hold colons, not commas.
 * @throws ConfigError; a secret is never repeated
 */
export function parseApiKeys(text: string): ApiKey[] {
  const keys = text.split(',').map((entry, index) => parseKey(entry.trim(), index + 1));
  const names = keys.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError([`API_KEYS names "${twice}" twice`]);
  return keys;
}

function parseKey(entry: string, place: number): ApiKey {
  const [name = '', scopeList = '', ...rest] = entry.split(':');
  const secret = rest.join(':');
  if (name === '' || secret === '') {
    throw new ConfigError([`API_KEYS: entry ${place} is not name:scope+scope:secret`]);
  }
  const wanted = scopeList.split('+');
  const unknown = wanted.find((scope) => !scopes.some((known) => known === scope));
  if (unknown !== undefined) {
    // What stands in the wrong place may be the secret: it is not repeated.
    throw new ConfigError([`API_KEYS: "${name}" has an unknown scope (there are ${scopes.join(', ')})`]);
  }
  if (secret.length < 16)
    throw new ConfigError([`API_KEYS: the secret of "${name}" has fewer than 16 characters`]);
  return { name, scopes: scopes.filter((scope) => wanted.includes(scope)), secret };
}
