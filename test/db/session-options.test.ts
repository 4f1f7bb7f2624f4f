import pgConnectionString from 'pg-connection-string';
import { describe, expect, it } from 'vitest';
import { chooseSchema, type FoundSchema } from '../../src/db/locate-database.ts';
import { queueSchemaOf } from '../../src/db/queue-schema.ts';
import { parseSearchPath, pinSession, schemaParameter } from '../../src/db/session-options.ts';

const optionsOf = (url: string): string => String(pgConnectionString.parse(url)['options']);

describe('a connection string', () => {
  it.each([
    ['postgres://u:p@db/x', undefined],
    ['postgres://u:p@db/x?sslmode=require', undefined],
    ['postgres://u:p@db/x?schema=', undefined],
    ['postgres://u:p@db/x?schema=app&sslmode=require', 'app'],
    ['postgres://u:p@one:1,two:2/x?schema=My%20app', 'My app'],
  ])('%s has the schema parameter %s', (url, schema) => {
    expect(schemaParameter(url)).toBe(schema);
  });

  it.each(['postgres://u:p@db/x', 'postgres://u:p@db/x?schema=app', 'postgres://u:p@/x?host=/tmp'])(
    '%s is pinned to a schema and keeps everything else',
    (url) => {
      const { options, ...rest } = pgConnectionString.parse(pinSession(url, 'app'));
      expect({ ...rest }).toEqual({ ...pgConnectionString.parse(url) });
      expect(options).toMatch(/-c search_path="app"$/);
    },
  );

  it('a connection string keeps the options that it has, before those of its own', () => {
    const url = 'postgres://u:p@db/x?options=-c%20search_path%3Dother%20-c%20tidemark.instance%3Done';
    expect(optionsOf(pinSession(url, 'app'))).toMatch(
      /^-c search_path=other -c tidemark\.instance=one .*-c search_path="app"$/,
    );
  });

  it('a connection string escapes blanks, backslashes and quotes in the name of a schema', () => {
    expect(optionsOf(pinSession('postgres://db/x', 'a "b\\ c'))).toMatch(/search_path="a\\ ""b\\\\\\ c"$/);
  });
});

describe('a search path', () => {
  it.each([
    ['"$user", public', ['$user', 'public']],
    ['app', ['app']],
    ['App,  "My ""own"" app" ,public', ['app', 'My "own" app', 'public']],
    ['"public, pg_catalog"', ['public, pg_catalog']],
    ['', []],
  ])('the search path %s is read as its names', (text, names) => {
    expect(parseSearchPath(text)).toEqual(names);
  });
});

describe('the schema that holds the tables', () => {
  const found = (name: string, more: Partial<FoundSchema> = {}): FoundSchema => ({
    name,
    isInstalled: false,
    isWritable: true,
    ...more,
  });

  it('the tables are in the first schema of the search path', () => {
    const schema = chooseSchema(['app', 'public'], [found('app'), found('public')]);
    expect(schema).toMatchObject({ name: 'app', exists: true });
  });

  it('a schema is created if the first one of the search path is absent', () => {
    expect(chooseSchema(['app', 'public'], [found('public')])).toMatchObject({ name: 'app', exists: false });
  });

  it('a later schema of the search path is used if it has the tables already', () => {
    const later = [found('app'), found('public', { isInstalled: true })];
    expect(chooseSchema(['app', 'public'], later)).toMatchObject({ name: 'public', exists: true });
  });

  it('no schema can be chosen if the search path is empty', () => {
    expect(() => chooseSchema([], [])).toThrow('the search path names no schema');
  });
});

describe('the schema of the job queue', () => {
  it.each([
    ['public', 'pgboss'],
    ['app', 'app_jobs'],
    ['App', 'tidemark_jobs_0d04bfeb7d64'],
    ['a'.repeat(63), expect.stringMatching(/^tidemark_jobs_[0-9a-f]{12}$/)],
  ])('the job queue of the schema %s is in %s', (schema, queue) => {
    expect(queueSchemaOf(schema)).toEqual(queue);
  });
});
