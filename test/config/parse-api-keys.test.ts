import { describe, expect, it } from 'vitest';
import { parseApiKeys } from '../../src/config/parse-api-keys.ts';

describe('API_KEYS', () => {
  it('an API key has a name, scopes and a secret', () => {
    expect(parseApiKeys('ops:read+write+admin:a-secret-of-ops-1, board:read:a-secret-of-board')).toEqual([
      { name: 'ops', scopes: ['read', 'write', 'admin'], secret: 'a-secret-of-ops-1' },
      { name: 'board', scopes: ['read'], secret: 'a-secret-of-board' },
    ]);
  });

  it('a secret may contain colons', () => {
    expect(parseApiKeys('ops:read:a:secret:with:colons')[0]?.secret).toBe('a:secret:with:colons');
  });

  it('a repeated scope counts once', () => {
    expect(parseApiKeys('ops:write+read+read:a-secret-of-ops-1')[0]?.scopes).toEqual(['read', 'write']);
  });

  it.each([
    ['a bare secret', 'a-secret-of-nobody', 'API_KEYS: entry 1 must have the form name:scope+scope:secret'],
    ['an entry without secret', 'ops:read', 'API_KEYS: entry 1 must have the form name:scope+scope:secret'],
    ['an entry without name', ':read:a-secret-of-ops-1', 'API_KEYS: entry 1 must have'],
    ['a comma too many', 'ops:read:a-secret-of-ops-1,', 'API_KEYS: entry 2 must have'],
    ['an unknown scope', 'ops:reed:a-secret-of-ops-1', '"ops" has an unknown scope'],
    ['no scope', 'ops::a-secret-of-ops-1', '"ops" has an unknown scope'],
    ['a short secret', 'ops:read:short', 'the secret of "ops" has fewer than 16 characters'],
    [
      'a name twice',
      'ops:read:a-secret-of-ops-1,ops:read:a-secret-of-ops-2',
      'API_KEYS: the name "ops" is not unique',
    ],
  ])('API_KEYS is refused for %s', (_, text, problem) => {
    expect(() => parseApiKeys(text)).toThrow(problem);
  });

  it('an error never repeats a secret, not even one in the wrong place', () => {
    const secret = 'a-secret-where-the-scopes-belong';
    expect(() => parseApiKeys(`ops:${secret}:read`)).toThrow(/^(?!.*a-secret).*unknown scope/);
  });
});
