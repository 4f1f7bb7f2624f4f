import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findSecrets } from './helpers/secrets-in-logs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tidemark-secrets-'));
});
afterEach(() => rm(folder, { recursive: true }));

const log = (...lines: string[]) => writeFile(path.join(folder, '1.log'), `${lines.join('\n')}\n`);

describe('the search of the logs at the end of every test run', () => {
  it('a registered secret is found at any place and is not repeated in the message', async () => {
    await writeFile(path.join(folder, '2.secrets'), 'a.noted+secret\nanother-noted-one\n');
    await log('{"msg":"fine"}', '{"url":"/v1?key=a.noted+secret&x=1"}', '{"msg":"aXnoted+secret"}');
    expect(await findSecrets(folder)).toEqual(['{"url":"/v1?key=[secret]&x=1"}']);
  });

  it.each([
    ['an access token', '00Dal000000ABCDEAA!AQabcdefghijklmnop'],
    ['a private key', '-----BEGIN PRIVATE KEY-----'],
    ['a webhook secret', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    ['a signed token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmMifQ.x'],
    ['a database URL with its password', 'postgres://app:hunter2@db/tidemark'],
  ])('%s is found by its format', async (_name, text) => {
    await log(`{"err":{"message":"failed with ${text}"}}`);
    expect(await findSecrets(folder)).toHaveLength(1);
    await log('{"msg":"postgres://localhost/tidemark, 00Dal000000ABCDEAA, whsec_"}');
    expect(await findSecrets(folder)).toEqual([]);
  });
});
