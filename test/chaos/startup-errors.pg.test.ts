import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTidemark } from '../../src/start/start-tidemark.ts';
import { describeStartupError } from '../../src/start/startup-error.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
import { curlLines, type ServiceProcess, startService } from '../helpers/service-process.ts';

describe('errors of a start', () => {
  const secret = 'configured-secret-of-ops';
  let folder: string;
  let database: TestDatabase;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(fastFolder(), 'tidemark-startup-errors-'));
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts a service in this process that is expected to fail. @returns what such a process prints */
  const startupError = async (settings: Record<string, string>): Promise<string> => {
    const running: (() => Promise<void>)[] = [];
    const environment = {
      DATA_DIR: path.join(folder, 'failed'),
      PORT: '0',
      LOG_LEVEL: 'silent',
      ...settings,
    };
    const stopping = new AbortController().signal;
    try {
      await startTidemark(environment, { running, stopping, isStopping: () => false });
    } catch (error) {
      return `${describeStartupError(error)}\n`;
    } finally {
      for (const stop of running.reverse()) await stop();
    }
    throw new Error('the service has started');
  };

  /** As {@link startupError}, in a process of its own, which ends with exit code 1. */
  const printedError = async (settings: Record<string, string>): Promise<string> => {
    const service = startService({ DATA_DIR: path.join(folder, 'failed'), PORT: '0', ...settings });
    try {
      expect(await service.ended()).toBe(1);
    } finally {
      service.child.kill('SIGKILL');
    }
    return service
      .output()
      .split('\n')
      .filter((text) => !text.startsWith('{'))
      .join('\n');
  };

  const refusals: [string, () => Record<string, string>, RegExp][] = [
    [
      'a misspelled setting',
      () => ({ SALESFORCE_LOGIN_URI: 'https://x.my.salesforce.com' }),
      /^SALESFORCE_LOGIN_URI is not a setting; did you mean SALESFORCE_LOGIN_URL\?/,
    ],
    ['an unknown value', () => ({ LOG_LEVEL: 'loud' }), /^LOG_LEVEL: "loud" must be one of fatal, error/],
    [
      'a setting that is missing',
      () => ({ SALESFORCE_CLIENT_ID: 'x' }),
      /^SALESFORCE_CLIENT_SECRET is required with/m,
    ],
    [
      'a database and no org',
      () => ({ DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z' }),
      /^SALESFORCE_LOGIN_URL is required with DATABASE_URL/,
    ],
    [
      'a topic that does not exist',
      () => ({ DATABASE_URL: database.url, SIMULATOR: 'true', CDC_TOPIC: '/data/Nope__chn' }),
      /^CDC_TOPIC: .*\(topic\.not\.found\)/,
    ],
  ];

  it.each(refusals)(
    'the startup error for %s is one line that names the setting',
    async (_, settings, line) => {
      const printed = await startupError(settings());
      expect(printed).toMatch(line);
      expect(printed).not.toMatch(/^ +at /m);
    },
  );

  it('a startup error is all that the process prints, and it ends with exit code 1', async () => {
    expect(await printedError({ LOG_LEVEL: 'loud' })).toBe(await startupError({ LOG_LEVEL: 'loud' }));
  });

  it('a port in use is named in one line before anything is started', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await startupError({ PORT: String(port) })).toBe(
      `PORT: ${port} is in use on 127.0.0.1; stop the other process or set another PORT\n`,
    );
    other.close();
  });

  describe('while another Tidemark runs', () => {
    let other: ServiceProcess;
    let salesforceUrl: string;

    beforeAll(async () => {
      other = startService({
        DATA_DIR: path.join(folder, 'running'),
        PORT: '0',
        API_KEYS: `ops:read:${secret}`,
      });
      const { create } = await curlLines(other);
      salesforceUrl = /^curl -s (http:\/\/[^/]+)/.exec(create)?.[1] ?? '';
    });
    afterAll(async () => {
      other.child.kill('SIGINT');
      await other.ended();
    });

    it('the error for wrong credentials is one line with the message of Salesforce', async () => {
      const printed = await printedError({
        DATABASE_URL: database.url,
        SALESFORCE_LOGIN_URL: salesforceUrl,
        SALESFORCE_CLIENT_ID: 'simulator-client',
        SALESFORCE_CLIENT_SECRET: 'wrong',
        API_KEYS: 'a:read:0123456789abcdef',
      });
      expect(printed).toMatch(/^(?:Salesforce rejected the sign-in|SALESFORCE_\w+): .*invalid_client/m);
    });

    it('other users can read no file of the data folder, and a configured key is not printed', async () => {
      const root = path.join(folder, 'running');
      const names = await readdir(root);
      expect(names).toContain('simulator.ndjson');
      for (const name of ['.', 'simulator.ndjson', 'postgres', 'postgres-password'])
        expect([name, (await stat(path.join(root, name))).mode & 0o066]).toEqual([name, 0]);
      expect(other.output()).toContain('<a secret of API_KEYS>');
      expect(other.output()).not.toContain(secret);
    });

    it('a data folder in use is one line that names the process', async () => {
      expect(await startupError({ DATA_DIR: path.join(folder, 'running') })).toBe(
        `DATA_DIR: ${path.join(folder, 'running')} is in use by the Tidemark with process id ${other.child.pid}\n`,
      );
    });
  });
});
