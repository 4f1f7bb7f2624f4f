import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, findMisspelledSettings } from '../../src/config/misspelled-settings.ts';
import { settings } from '../../src/config/settings.ts';
import { runs } from '../helpers/property.ts';

const names = Object.keys(settings.properties);

const suggestionsFor = (name: string, ...others: string[]): readonly string[] =>
  findMisspelledSettings([name, ...others], names).find((found) => found.name === name)?.suggestions ?? [];

describe('a variable whose name nearly matches a setting', () => {
  it.each([
    ['SALESFORCE_LOGIN_URI', 'SALESFORCE_LOGIN_URL'],
    ['SALEFORCE_LOGIN_URL', 'SALESFORCE_LOGIN_URL'],
    ['SALESFORCE_LOGINURL', 'SALESFORCE_LOGIN_URL'],
    ['SALESFORCE_URL_LOGIN', 'SALESFORCE_LOGIN_URL'],
    ['salesforce_login_url', 'SALESFORCE_LOGIN_URL'],
    ['SALESFORCE_URL', 'SALESFORCE_LOGIN_URL'],
    ['SALESFORCE_CLIENT_SERCET', 'SALESFORCE_CLIENT_SECRET'],
    ['SALESFORCE_SECRET', 'SALESFORCE_CLIENT_SECRET'],
    ['SALESFORCE_TOKEN', 'SALESFORCE_ACCESS_TOKEN'],
    ['SALESFORCE_PRIVATE_KEYFILE', 'SALESFORCE_PRIVATE_KEY_FILE'],
    ['PUBSUB_ENDPIONT', 'PUBSUB_ENDPOINT'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URL_REPLICA', 'DATABASE_REPLICA_URL'],
    ['CDC_TOPICS', 'CDC_TOPIC'],
    ['APIKEYS', 'API_KEYS'],
    ['WEBHOOK_SECRET', 'WEBHOOK_SECRETS'],
    ['OUTBOUND_MESSAGE_ORG_ID', 'OUTBOUND_MESSAGE_ORG_IDS'],
    ['SIGNUP_CODE_LENGHT', 'SIGNUP_CODE_LENGTH'],
    ['SIMULATER', 'SIMULATOR'],
    ['OIDC_ISSUERS', 'OIDC_ISSUER'],
  ])('the variable %s is reported with the setting %s', (name, setting) => {
    expect(suggestionsFor(name)).toContain(setting);
  });

  it('a near match is ignored if the setting is set under its right name as well', () => {
    expect(suggestionsFor('DATABASE_URI', 'DATABASE_URL')).toEqual([]);
  });

  it('a setting is suggested for its name with any single letter lost, doubled, replaced or swapped with the next', () => {
    const long = names.filter((name) => name.length >= 10);
    const slips = (name: string, at: number): string[] => [
      name.slice(0, at) + name.slice(at + 1),
      name.slice(0, at) + name.charAt(at) + name.slice(at),
      `${name.slice(0, at)}Q${name.slice(at + 1)}`,
      name.slice(0, at) + name.charAt(at + 1) + name.charAt(at) + name.slice(at + 2),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...long), fc.nat(), (name, place) => {
        // The proxy of addresses without TLS, which other programs use.
        for (const slip of slips(name, place % (name.length - 1)))
          if (!names.includes(slip) && slip !== 'HTTP_PROXY') expect(suggestionsFor(slip)).toContain(name);
      }),
      runs,
    );
  });
});

describe('variables of the machine', () => {
  it.each([
    ['a shell', 'HOME PWD OLDPWD SHELL SHLVL TERM LANG LC_ALL USER LOGNAME HOSTNAME HOSTS POST SORT'],
    ['npm', 'npm_config_cache npm_config_user_agent npm_package_name npm_lifecycle_event INIT_CWD NODE_ENV'],
    [
      'other programs',
      'API_KEY PORTS LOGLEVEL LOG_LEVELS ROLE DATADIR API_URL API_TOKEN SECRET_KEY HOST_NAME',
    ],
    ['continuous integration', 'CI GITHUB_TOKEN GITHUB_SERVER_URL CI_API_V4_URL RUNNER_NAME CONTAINER_NAME'],
    [
      'databases',
      'DATABASE_HOST DATABASE_PORT DATABASE_USER DATABASE_NAME DATABASE_PASSWORD DATABASE_URL_OTHER DATABASE_POOL_URL PGHOST PGPORT PGDATABASE PGUSER POSTGRES_PASSWORD',
    ],
    [
      'Kubernetes services',
      'TIDEMARK_PORT TIDEMARK_SERVICE_HOST TIDEMARK_SERVICE_PORT_HTTP TIDEMARK_PORT_80_TCP_ADDR DATABASE_SERVICE_HOST DATABASE_PORT_5432_TCP_PROTO SALESFORCE_SERVICE_HOST SALESFORCE_PORT SALESFORCE_PORT_80_TCP PUBSUB_SERVICE_PORT KUBERNETES_SERVICE_HOST PORT_X',
    ],
    ['proxies', 'HTTP_PROXY http_proxy https_proxy no_proxy ALL_PROXY all_proxy FTP_PROXY ftp_proxy'],
    ['Google Cloud Pub/Sub', 'PUBSUB_EMULATOR_HOST PUBSUB_PROJECT_ID'],
    ['the command line of Tidemark', 'TIDEMARK_URL TIDEMARK_API_KEY'],
  ])('variables of %s are ignored', (_, present) => {
    expect(findMisspelledSettings(present.split(' '), names)).toEqual([]);
  });
});

describe('the distance between two texts', () => {
  it.each([
    ['', '', 0],
    ['same', 'same', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['abcd', 'acbd', 1],
    ['ca', 'abc', 3],
  ])('the distance between "%s" and "%s" is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });
});
