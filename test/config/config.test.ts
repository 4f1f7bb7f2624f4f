import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultFormat } from '../../src/codes/code-format.ts';
import { loadConfig, loadMigrationConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { settingValues } from '../../src/config/setting-values.ts';

const clientSecret = 'fake-client-secret';
const org = {
  SALESFORCE_LOGIN_URL: 'https://example.my.salesforce.com',
  SALESFORCE_CLIENT_ID: 'client',
  SALESFORCE_CLIENT_SECRET: clientSecret,
  API_KEYS: 'ops:read+write:a-secret-of-ops-1',
};

const emptyOrg = { SALESFORCE_LOGIN_URL: '', SALESFORCE_CLIENT_ID: '', SALESFORCE_CLIENT_SECRET: '' };

/** What has to be there too, so that only the one setting is bad. */
const oidcAudience = (name: string): string => (name === 'OIDC_ISSUER' ? 'tidemark' : '');

function problemsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('calculated fields', () => {
  it('the names of calculated fields are split, and their schedule applies only if there are any', () => {
    const { calculatedFields, schedules } = loadConfig({ CALCULATED_FIELDS: 'Score__c, Total__c,,Score__c' });
    expect(calculatedFields).toEqual(['Score__c', 'Total__c']);
    expect(schedules).toEqual({ calculated: '0 */6 * * *' });
    expect(loadConfig({ CALCULATED_FIELDS_SCHEDULE: '@daily' }).schedules).toEqual({});
  });

  it('a name that is no API name is refused with the name of the setting', () => {
    expect(() => loadConfig({ CALCULATED_FIELDS: 'Score c' })).toThrow('CALCULATED_FIELDS names "Score c"');
  });
});

describe('schedules', () => {
  it('a schedule is a cron expression of five fields or a name', () => {
    const given = { VERIFY_SCHEDULE: '0 3 * * 0', SAMPLE_SCHEDULE: '@hourly' };
    expect(loadConfig(given).schedules).toEqual({ verify: '0 3 * * 0', sample: '@hourly' });
  });

  it.each(['daily', '@often', '* * * *', '0 0 3 * * 0', '61 3 * * 0', '0 0 31 2 *', 'FREQ=DAILY'])(
    'a schedule of %s is refused and the setting is named',
    (cron) => {
      const [problem] = problemsOf({ SAMPLE_SCHEDULE: cron });
      expect(problem).toContain(`SAMPLE_SCHEDULE: "${cron}" is not a cron expression such as "0 3 * * 0" (`);
    },
  );
});

describe('the settings', () => {
  it('all settings may be left out and what is missing is embedded', () => {
    expect(loadConfig({})).toEqual({
      databaseUrl: undefined,
      replicaUrl: undefined,
      dataDir: '.data',
      salesforce: undefined,
      proxy: {},
      salesforceApiVersion: '66.0',
      apiReservePercent: 20,
      bulkFrom: 10_000,
      topic: '/data/AccountChangeEvent',
      replayPreset: 'latest',
      quietMs: 50,
      mirrorSchema: 'salesforce',
      codeField: 'SignUpCode__c',
      backfill: false,
      schedules: {},
      codes: { format: defaultFormat, filter: null, restore: false },
      collectMs: 200,
      webhooks: { signingKeys: [], outboundMessages: undefined },
      notify: { urls: [] },
      settings: settingValues({}),
      eventRetentionDays: 90,
      indexedFields: [],
      calculatedFields: [],
      host: '127.0.0.1',
      port: 3000,
      apiKeys: undefined,
      access: {
        rateLimits: { perKey: 6_000, perAddress: 600, perWebhookAddress: 6_000 },
        loadLimits: { maxLatenessMs: 1_000, maxInFlight: 400, maxInFlightPerCaller: 100 },
        trustedProxies: [],
        corsOrigins: [],
        publicMetrics: true,
      },
      roles: new Set(['api', 'sync']),
      instanceName: undefined,
      drainMs: 1_000,
      logLevel: 'info',
      logFormat: 'auto',
    });
  });

  it('the fields that get an index are each listed once', () => {
    const { indexedFields } = loadConfig({ INDEXED_FIELDS: 'Industry, BillingAddress.Country,,Industry' });
    expect(indexedFields).toEqual(['Industry', 'BillingAddress.Country']);
  });

  it.each(["Industry'", 'a.b.c', 'Billing Address', '1st', 'x'.repeat(81)])(
    'a text that is not a field name is refused, such as %s',
    (name) => {
      const [problem] = problemsOf({ INDEXED_FIELDS: `Industry,${name}` });
      expect(problem).toBe(
        `INDEXED_FIELDS names "${name}", which is not an API name such as Industry or BillingAddress.City`,
      );
    },
  );

  it('an empty setting counts as left out', () => {
    const empty = Object.fromEntries([...Object.keys(org), 'PORT', 'DATABASE_URL'].map((name) => [name, '']));
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it('variables of other programs are ignored', () => {
    expect(loadConfig({ PATH: '/bin', NODE_ENV: 'production' })).toEqual(loadConfig({}));
  });

  it.each([
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['SALESFORCE_LOGIN_URL', 'example.my.salesforce.com'],
    ['SALESFORCE_INSTANCE_URL', 'ftp://example'],
    ['SALESFORCE_API_VERSION', '66'],
    ['PUBSUB_ENDPOINT', 'api.pubsub.salesforce.com'],
    ['PUBSUB_ENDPOINT', 'https://api.pubsub.salesforce.com:7443'],
    ['PUBSUB_TLS', 'perhaps'],
    ['CDC_TOPIC', '/event/AccountChangeEvent'],
    ['CDC_TOPIC', '/data/ContactChangeEvent'],
    ['CDC_TOPIC', '/data/OrderEvent__e'],
    ['CDC_TOPIC', '/data/My__ChangeEvent'],
    ['CDC_TOPIC', '/data/accountchangeevent'],
    ['CDC_TOPIC', '/data/AccountChangeEvents'],
    ['SIMULATOR', 'perhaps'],
    ['REPLAY_PRESET', 'yesterday'],
    ['QUIET_MS', '0'],
    ['QUIET_MS', 'soon'],
    ['SIGNUP_CODE_FIELD', 'SignUpCode'],
    ['SIGNUP_CODE_FIELD', 'X__c FROM User'],
    ['SIGNUP_CODE_BACKFILL', 'maybe'],
    ['SIGNUP_CODE_FILTER', 'Type = Customer'],
    ['SIGNUP_CODE_RESTORE', 'maybe'],
    ['SIGNUP_CODE_ALPHABET', 'AB"'],
    ['SIGNUP_CODE_LENGTH', '6'],
    ['SIGNUP_CODE_PREFIX', 'a b'],
    ['WRITE_BACK_GATHER_MS', '-1'],
    ['OIDC_ISSUER', 'https://id.example.com?tenant=1'],
    ['OIDC_ISSUER', 'http://id.example.com'],
    ['RATE_LIMIT_PER_MINUTE', '-1'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', 'true'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['CORS_ORIGINS', 'app.example.com'],
    ['METRICS_PUBLIC', 'perhaps'],
    ['EVENT_RETENTION_DAYS', '3'],
    ['EVENT_RETENTION_DAYS', '-1'],
    ['PORT', '70000'],
    ['PORT', '-1'],
    ['PORT', 'http'],
    ['ROLES', 'web'],
    ['ROLES', 'api,api,api'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
  ])('the setting %s=%s is refused in one line that names it', (name, value) => {
    const [problem, ...others] = problemsOf({ OIDC_AUDIENCE: oidcAudience(name), [name]: value });
    expect(problem).toMatch(new RegExp(`^${name}: `));
    expect(problem).not.toContain('\n');
    expect(others).toEqual([]);
  });

  it.each(['/data/AccountChangeEvent', '/data/ChangeEvents', '/data/Tidemark__chn'])(
    'a topic that can carry accounts is accepted, such as %s',
    (topic) => expect(loadConfig({ CDC_TOPIC: topic }).topic).toBe(topic),
  );

  it.each([
    [{ DATABASE_URL: 'postgres://db/x' }, 'SALESFORCE_LOGIN_URL is required with DATABASE_URL'],
    [
      { DATABASE_URL: 'postgres://db/x', PUBSUB_ENDPOINT: 'a.example.com:7443' },
      'SALESFORCE_LOGIN_URL is required with DATABASE_URL',
    ],
    [
      { DATABASE_URL: 'postgres://db/x', SIMULATOR: 'false' },
      'SALESFORCE_LOGIN_URL is required with DATABASE_URL',
    ],
    [{ SIMULATOR: 'false' }, 'SALESFORCE_LOGIN_URL is required with SIMULATOR=false'],
  ])('the simulator is not started unless it is asked for: %j', (given, problem) => {
    expect(problemsOf(given)).toEqual([expect.stringContaining(problem)]);
  });

  it('the simulator starts with a given database if SIMULATOR asks for it, and never with an org', () => {
    const asked = { DATABASE_URL: 'postgres://db/x', SIMULATOR: 'true' };
    expect(loadConfig(asked).salesforce).toBeUndefined();
    expect(loadConfig({ ...asked, ...org }).salesforce).toMatchObject({
      loginUrl: 'https://example.my.salesforce.com',
    });
  });

  it('a variable whose name nearly matches a setting aborts startup with a suggestion', () => {
    expect(problemsOf({ SALESFORCE_LOGIN_URI: 'https://example.my.salesforce.com' })).toEqual([
      'SALESFORCE_LOGIN_URI is not a setting; did you mean SALESFORCE_LOGIN_URL? Rename it or unset it',
    ]);
    expect(problemsOf({ SALESFORCE_LOGIN_URI: '' })).toEqual([]);
  });

  it('API_KEY instead of API_KEYS is pointed out with an org, and ignored without one', () => {
    const { API_KEYS: key, ...rest } = org;
    expect(problemsOf({ ...rest, API_KEY: key })).toEqual([
      expect.stringContaining('API_KEY is set: its name is API_KEYS'),
    ]);
    expect(problemsOf({ API_KEY: 'of another program' })).toEqual([]);
  });

  it('a migration needs DATABASE_URL and no other setting', () => {
    expect(loadMigrationConfig({ DATABASE_URL: 'postgres://db/x', MIRROR_SCHEMA: 'crm' })).toEqual({
      databaseUrl: 'postgres://db/x',
      mirrorSchema: 'crm',
      codeField: 'SignUpCode__c',
    });
    expect(() => loadMigrationConfig({})).toThrow('DATABASE_URL is required to migrate');
    expect(() => loadMigrationConfig({ DATABASE_URI: 'postgres://db/x' })).toThrow(
      'did you mean DATABASE_URL?',
    );
  });

  it.each([
    [{ OIDC_ISSUER: 'https://id.example.com' }, 'OIDC_AUDIENCE is required with OIDC_ISSUER'],
    [{ OIDC_AUDIENCE: 'tidemark' }, 'OIDC_ISSUER is required with OIDC_AUDIENCE'],
    [{ OIDC_SCOPE_CLAIM: 'roles' }, 'OIDC_ISSUER is required with OIDC_SCOPE_CLAIM'],
  ])('settings that belong together are required together: %j', (given, problem) => {
    expect(problemsOf(given)).toEqual([expect.stringContaining(problem)]);
  });

  it('the error lists the allowed values', () => {
    expect(problemsOf({ REPLAY_PRESET: 'yesterday' })[0]).toContain(
      '"yesterday" must be one of latest, earliest',
    );
  });

  it('all invalid settings are listed at once', () => {
    const problems = problemsOf({ PORT: '70000', LOG_LEVEL: 'loud', CDC_TOPIC: 'accounts' });
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual([
      'CDC_TOPIC',
      'LOG_LEVEL',
      'PORT',
    ]);
  });

  it('an error never shows a secret', () => {
    const secret = 'hunter2-hunter2-hunter2';
    const bad: NodeJS.ProcessEnv[] = [
      { DATABASE_URL: `mysql://root:${secret}@localhost/x` },
      { SALESFORCE_LOGIN_URL: `example/${secret}` },
      { SALESFORCE_CLIENT_SECRET: secret },
      { SALESFORCE_ACCESS_TOKEN: secret },
      { SALESFORCE_PRIVATE_KEY: secret },
      { API_KEYS: `ops:everything:${secret}` },
      { API_KEYS: `ops:read:${secret},ops:read:${secret}x` },
    ];
    for (const environment of bad) {
      const problems = problemsOf(environment);
      expect(problems).not.toEqual([]);
      expect(problems.join('\n')).not.toContain(secret);
    }
  });
});

describe('the sign-in', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tidemark-config-'));
    writeFileSync(path.join(folder, 'key.pem'), 'fake key\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('client credentials are a sign-in', () => {
    expect(loadConfig(org).salesforce).toEqual({
      loginUrl: 'https://example.my.salesforce.com',
      credentials: { flow: 'client-credentials', clientId: 'client', clientSecret },
      pubsubEndpoint: 'api.pubsub.salesforce.com:7443',
      pubsubTls: true,
    });
  });

  it('a signed JWT is a sign-in, with the key in a variable with escaped line breaks', () => {
    const { SALESFORCE_CLIENT_SECRET: _, ...rest } = org;
    const jwt = { ...rest, SALESFORCE_USERNAME: 'a@example.com', SALESFORCE_PRIVATE_KEY: 'fake\\nkey' };
    expect(loadConfig(jwt).salesforce?.credentials).toEqual({
      flow: 'jwt-bearer',
      clientId: 'client',
      username: 'a@example.com',
      privateKey: 'fake\nkey',
    });
  });

  it('a signed JWT is a sign-in, with the key in a file', () => {
    const file = path.join(folder, 'key.pem');
    const jwt = { ...org, SALESFORCE_USERNAME: 'a@example.com', SALESFORCE_PRIVATE_KEY_FILE: file };
    expect(loadConfig(jwt).salesforce?.credentials).toMatchObject({
      flow: 'jwt-bearer',
      privateKey: 'fake key\n',
    });
  });

  it('an external token is a sign-in and its instance is also the login host', () => {
    const token = {
      SALESFORCE_ACCESS_TOKEN: 'fake-token',
      SALESFORCE_INSTANCE_URL: 'https://example.my.salesforce.com',
      API_KEYS: org.API_KEYS,
    };
    expect(loadConfig(token).salesforce).toMatchObject({
      loginUrl: 'https://example.my.salesforce.com',
      credentials: {
        flow: 'access-token',
        accessToken: 'fake-token',
        instanceUrl: 'https://example.my.salesforce.com',
      },
    });
  });

  it.each([
    [
      'a client without its secret',
      { SALESFORCE_CLIENT_SECRET: '' },
      /^SALESFORCE_CLIENT_SECRET is required with SALESFORCE_CLIENT_ID/,
    ],
    ['a secret without its client', { SALESFORCE_CLIENT_ID: '' }, /^SALESFORCE_CLIENT_ID is required with/],
    [
      'a user without a private key',
      { SALESFORCE_CLIENT_SECRET: '', SALESFORCE_USERNAME: 'a@example.com' },
      /^SALESFORCE_PRIVATE_KEY or SALESFORCE_PRIVATE_KEY_FILE is required with SALESFORCE_USERNAME/,
    ],
    [
      'a private key without a user',
      { SALESFORCE_CLIENT_SECRET: '', SALESFORCE_PRIVATE_KEY: 'fake' },
      /^SALESFORCE_USERNAME is required with SALESFORCE_PRIVATE_KEY/,
    ],
    [
      'nothing but a host',
      { SALESFORCE_CLIENT_ID: '', SALESFORCE_CLIENT_SECRET: '' },
      /^SALESFORCE_CLIENT_ID is required with SALESFORCE_CLIENT_SECRET, or with/,
    ],
    [
      'a token without its instance',
      { ...emptyOrg, SALESFORCE_ACCESS_TOKEN: 'fake-token' },
      /^SALESFORCE_INSTANCE_URL is required with SALESFORCE_ACCESS_TOKEN/,
    ],
    [
      'a certificate authority and no org',
      { ...emptyOrg, PUBSUB_CA_FILE: '/nowhere.pem' },
      /^SALESFORCE_LOGIN_URL is required with PUBSUB_CA_FILE/,
    ],
    ['no host to sign in at', { SALESFORCE_LOGIN_URL: '' }, /^SALESFORCE_LOGIN_URL is required/],
    ['no API keys', { API_KEYS: '' }, /^API_KEYS is required with a Salesforce org/],
    [
      'a check of certificates that is switched off',
      { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
      /^NODE_TLS_REJECT_UNAUTHORIZED: "0" disables the verification/,
    ],
    [
      'a key file that is not there',
      { SALESFORCE_CLIENT_SECRET: '', SALESFORCE_USERNAME: 'a', SALESFORCE_PRIVATE_KEY_FILE: '/nowhere.pem' },
      /^SALESFORCE_PRIVATE_KEY_FILE: the file \/nowhere.pem cannot be read \(ENOENT\)/,
    ],
    [
      'a certificate authority that is not there',
      { PUBSUB_CA_FILE: '/nowhere.pem' },
      /^PUBSUB_CA_FILE: the file \/nowhere.pem cannot be read/,
    ],
    [
      'plain HTTP to another machine',
      { SALESFORCE_LOGIN_URL: 'http://acme.my.salesforce.com' },
      /^SALESFORCE_LOGIN_URL: http:\/\/ is allowed only for this machine; use https:\/\/acme.my.salesforce.com$/,
    ],
    [
      'plain HTTP to the instance',
      { SALESFORCE_ACCESS_TOKEN: 'x', SALESFORCE_INSTANCE_URL: 'http://127.0.0.1.example.com' },
      /^SALESFORCE_INSTANCE_URL: http:\/\/ is allowed only for this machine/,
    ],
    ...(
      [
        ['acme.lightning.force.com', 'acme.my.salesforce.com'],
        ['acme--dev.sandbox.lightning.force.com', 'acme--dev.sandbox.my.salesforce.com'],
        ['acme.my.salesforce-setup.com', 'acme.my.salesforce.com'],
        ['acme--dev.sandbox.my.salesforce-setup.com', 'acme--dev.sandbox.my.salesforce.com'],
      ] as const
    ).map(([pasted, api]): [string, object, RegExp] => [
      `the address ${pasted} of a page in the browser`,
      { SALESFORCE_LOGIN_URL: `https://${pasted}/lightning/setup/SetupOneHome/home` },
      new RegExp(
        `^SALESFORCE_LOGIN_URL: ${pasted} serves the pages of Salesforce, not its API; use https://${api}$`,
      ),
    ]),
    [
      'an address that is none',
      { SALESFORCE_LOGIN_URL: 'https://acme my salesforce.com' },
      /^SALESFORCE_LOGIN_URL: its value is not a URL/,
    ],
    [
      'a token as in a header',
      { SALESFORCE_ACCESS_TOKEN: 'Bearer 00DTM0000000001!x' },
      /^SALESFORCE_ACCESS_TOKEN: its value begins with "Bearer"; set the token alone$/,
    ],
    [
      'a token with a line break',
      { SALESFORCE_ACCESS_TOKEN: '00DTM0000000001!x\n' },
      /^SALESFORCE_ACCESS_TOKEN: its value contains a space, a line break/,
    ],
    [
      'a proxy of another kind',
      { all_proxy: 'socks5://user:fake-client-secret@10.0.0.1:1080' },
      /^all_proxy: its value is not the URL of an HTTP proxy.*the scheme socks5:\/\/ is not supported$/,
    ],
    [
      'a proxy that is no URL',
      { HTTPS_PROXY: 'http://:::' },
      /^HTTPS_PROXY: its value is not the URL of an HTTP proxy/,
    ],
    [
      'plain text to a host elsewhere',
      { PUBSUB_TLS: 'false' },
      /^PUBSUB_TLS: "false" is only for a loopback PUBSUB_ENDPOINT/,
    ],
  ])('a sign-in with %s is refused', (_, change, problem) => {
    const problems = problemsOf({ ...org, ...change });
    expect(problems).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
  });

  it.each<[NodeJS.ProcessEnv, string | undefined, string[]]>([
    [{ HTTPS_PROXY: 'http://one:3128', HTTP_PROXY: 'http://two:3128' }, 'http://one:3128/', []],
    [{ HTTPS_PROXY: 'http://one:3128', https_proxy: 'http://two:3128' }, 'http://two:3128/', []],
    [{ ALL_PROXY: 'http://one:3128', HTTPS_PROXY: 'http://two:3128' }, 'http://two:3128/', []],
    [
      { all_proxy: 'one:3128', NO_PROXY: 'A.example, 10.0.0.0/8' },
      'http://one:3128/',
      ['a.example', '10.0.0.0/8'],
    ],
    [{ HTTPS_PROXY: 'one:3128', NO_PROXY: 'a', no_proxy: 'b' }, 'http://one:3128/', ['b']],
    [{ HTTP_PROXY: 'http://one:3128', http_proxy: 'http://two:3128' }, undefined, []],
    [{ https_proxy: '', NO_PROXY: 'a' }, undefined, []],
  ])('the variables %o set the proxy %s except for %o', (variables, proxy, noProxy) => {
    const config = loadConfig({ ...org, ...variables }).proxy;
    expect([config.proxy?.href, config.noProxy ?? []]).toEqual([proxy, noProxy]);
  });

  it('a proxy of another kind is ignored while nothing leaves this machine', () => {
    expect(loadConfig({ ALL_PROXY: 'socks5://10.0.0.1:1080' }).proxy).toEqual({});
  });

  it('plain HTTP is allowed to this machine only', () => {
    const here = { ...org, PUBSUB_TLS: 'false', PUBSUB_ENDPOINT: '127.0.0.1:7443' };
    expect(loadConfig(here).salesforce?.pubsubTls).toBe(false);
  });

  it('a certificate authority is read from a file', () => {
    const trusting = { ...org, PUBSUB_CA_FILE: path.join(folder, 'key.pem') };
    expect(loadConfig(trusting).salesforce?.certificateAuthority).toBe('fake key\n');
  });
});
