import type { ApiKey, Scope } from '../http/api-key.ts';
import { ConfigError } from './config-error.ts';

const scopes: readonly Scope[] = ['read', 'write', 'admin'];

/**
 * Parses `name:scope+scope:secret,…`. A secret may contain colons, but not commas.
 * @throws ConfigError without secrets
 */
export function parseApiKeys(text: string): ApiKey[] {
  const keys = text.split(',').map((entry, index) => parseKey(entry.trim(), index + 1));
  const names = keys.map(({ name }) => name);
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw new ConfigError([`API_KEYS: the name "${duplicate}" is not unique`]);
  return keys;
}

function parseKey(entry: string, position: number): ApiKey {
  const [name = '', scopeList = '', ...rest] = entry.split(':');
  const secret = rest.join(':');
  if (name === '' || secret === '') {
    throw new ConfigError([`API_KEYS: entry ${position} must have the form name:scope+scope:secret`]);
  }
  const granted = scopeList.split('+');
  const unknown = granted.find((scope) => !scopes.some((known) => known === scope));
  if (unknown !== undefined) {
    // The unknown scope may be the secret: do not repeat it.
    throw new ConfigError([`API_KEYS: "${name}" has an unknown scope; use ${scopes.join(', ')}`]);
  }
  if (secret.length < 16)
    throw new ConfigError([`API_KEYS: the secret of "${name}" has fewer than 16 characters`]);
  return { name, scopes: scopes.filter((scope) => granted.includes(scope)), secret };
}
