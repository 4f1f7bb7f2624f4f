import { Type } from 'typebox';
import { defaultFormat } from '../codes/code-format.ts';

const text = (description: string, options: object = {}) =>
  Type.Optional(Type.String({ description, ...options }));

/**
 * Every setting: its environment variable, format, default and meaning.
 * docs/settings.md is generated from it: `npm run docs`.
 */
export const settings = Type.Object({
  DATABASE_URL: text(
    'PostgreSQL 14 or later, without a pooler in between; several hosts for fail-over (docs/fail-over.md). If unset, an embedded PostgreSQL is started',
    {
      pattern: '^postgres(ql)?://',
    },
  ),
  DATABASE_REPLICA_URL: text(
    'Streaming replica that serves reads of accounts and events while it is less than 5 s behind',
    { pattern: '^postgres(ql)?://[^,]+$' },
  ),
  MIRROR_SCHEMA: Type.String({
    default: 'salesforce',
    pattern: '^[a-z_][a-z0-9_]{0,62}$',
    description:
      'PostgreSQL schema of the mirrored tables, such as `salesforce.account`; each Tidemark needs its own',
  }),
  DATA_DIR: Type.String({
    default: '.data',
    description: 'Where the embedded database and the simulator keep their data',
  }),
  SIMULATOR: Type.Optional(
    Type.Boolean({
      description:
        '`true` allows the simulator with a `DATABASE_URL`, `false` forbids it; if unset, it starts when neither `DATABASE_URL` nor a `SALESFORCE_` setting is set',
    }),
  ),
  SALESFORCE_LOGIN_URL: text('My Domain or login host', { pattern: '^https?://' }),
  SALESFORCE_CLIENT_ID: text('Client id of the connected or external client app'),
  SALESFORCE_CLIENT_SECRET: text('Signs in by the OAuth client-credentials flow'),
  SALESFORCE_USERNAME: text('With a private key: signs in by the OAuth JWT bearer flow'),
  SALESFORCE_PRIVATE_KEY: text('PEM; line breaks may be written as \\n'),
  SALESFORCE_PRIVATE_KEY_FILE: text('File that holds the PEM'),
  SALESFORCE_JWT_AUDIENCE: text(
    'Audience of the JWT; if unset, `https://login.salesforce.com`, or `https://test.salesforce.com` for a sandbox',
    { pattern: '^https?://' },
  ),
  SALESFORCE_ACCESS_TOKEN: text('An existing token, such as one of the Salesforce CLI; it is not renewed'),
  SALESFORCE_INSTANCE_URL: text('The instance that the access token belongs to', { pattern: '^https?://' }),
  SALESFORCE_API_VERSION: Type.String({
    default: '66.0',
    pattern: '^\\d{2}\\.0$',
    description: 'REST API version',
  }),
  PUBSUB_ENDPOINT: Type.String({
    default: 'api.pubsub.salesforce.com:7443',
    pattern: '^[^:/]+:\\d+$',
    description: 'Pub/Sub API host and port',
  }),
  PUBSUB_TLS: Type.Boolean({ default: true, description: '`false` only for a loopback endpoint' }),
  PUBSUB_CA_FILE: text('PEM file of a certificate authority to trust in addition to the built-in ones'),
  HTTPS_PROXY: text(
    'Forward proxy of all connections that leave this machine except those to PostgreSQL, such as `http://user:password@proxy:3128`; also `https_proxy`, `ALL_PROXY`, `all_proxy`. See docs/operations.md',
  ),
  NO_PROXY: text(
    'Comma-separated hosts, domains, addresses and networks that are reached without the proxy; also `no_proxy`',
  ),
  CDC_TOPIC: Type.String({
    default: '/data/AccountChangeEvent',
    pattern: '^/data/[A-Za-z0-9_]+$',
    description:
      'Topic to follow: `/data/AccountChangeEvent`, `/data/ChangeEvents` or a custom channel that carries Account, such as `/data/Name__chn`',
  }),
  REPLAY_PRESET: Type.Union([Type.Literal('latest'), Type.Literal('earliest')], {
    default: 'latest',
    description: 'Where the first subscription starts; the initial load covers earlier changes',
  }),
  QUIET_MS: Type.Integer({
    default: 50,
    minimum: 10,
    maximum: 60_000,
    description:
      'Silence on the stream, in milliseconds, after which the newest transaction counts as complete',
  }),
  SIGNUP_CODE_FIELD: Type.String({
    default: 'SignUpCode__c',
    pattern: '^[A-Za-z][A-Za-z0-9_]*__c$',
    description: 'Account field that holds the code',
  }),
  SIGNUP_CODE_BACKFILL: Type.Boolean({
    default: false,
    description: 'Also assigns codes to accounts that already existed',
  }),
  SIGNUP_CODE_FILTER: text(
    "Only accounts that match get a code, such as `Type = 'Customer' AND Rating IN ('Hot', 'Warm')`; see docs/write-back.md",
  ),
  SIGNUP_CODE_RESTORE: Type.Boolean({
    default: false,
    description: 'Writes a code again after it was cleared in Salesforce',
  }),
  SIGNUP_CODE_ALPHABET: Type.String({
    default: defaultFormat.alphabet,
    description: 'Characters of a code',
  }),
  SIGNUP_CODE_LENGTH: Type.Integer({
    default: defaultFormat.length,
    minimum: 1,
    maximum: 100,
    description: 'Random characters in a code; alphabet and length must give at least 40 bits',
  }),
  SIGNUP_CODE_PREFIX: text('Prefix of every code', { maxLength: 40 }),
  WRITE_BACK_GATHER_MS: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 10_000,
    description: 'How long a batch waits for more codes before it is sent, in milliseconds',
  }),
  API_RESERVE_PERCENT: Type.Integer({
    default: 20,
    minimum: 0,
    maximum: 95,
    description:
      'Percentage of the daily API requests reserved for other clients; resyncs and write-backs wait rather than use it',
  }),
  RESYNC_BULK_FROM: Type.Integer({
    default: 10_000,
    minimum: 1,
    description: 'Number of records from which a resync uses the Bulk API instead of queries',
  }),
  VERIFY_SCHEDULE: text(
    'Cron expression, UTC: compares all accounts with Salesforce and repairs differences; off if unset',
  ),
  SAMPLE_SCHEDULE: text(
    'Cron expression, UTC: compares recent changes and counts only, which takes few API calls; off if unset',
  ),
  CALCULATED_FIELDS: text(
    'Comma-separated formula, roll-up and other calculated fields of Account to mirror, such as `Score__c`; none if unset. Events do not keep them current: they are read on a schedule',
    { maxLength: 4096 },
  ),
  CALCULATED_FIELDS_SCHEDULE: Type.String({
    default: '0 */6 * * *',
    description: 'Cron expression, UTC: reads the fields of `CALCULATED_FIELDS` of all accounts',
  }),
  INDEXED_FIELDS: text(
    'Comma-separated fields that lists of accounts can be filtered by, such as `Industry,BillingAddress.Country`; each gets an index',
    { maxLength: 4096 },
  ),
  EVENT_RETENTION_DAYS: Type.Integer({
    default: 90,
    minimum: 0,
    description:
      'Days that applied events stay in the log; 0 keeps them without a limit, 1 to 3 are refused; see docs/maintenance.md',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  API_KEYS: text(
    'Comma-separated `name:scope+scope:secret`, scopes `read`, `write`, `admin`; generated with the simulator',
  ),
  OIDC_ISSUER: text(
    'OpenID Connect issuer whose access tokens are accepted in addition to API keys; see docs/security.md',
  ),
  OIDC_AUDIENCE: text('Audience that tokens must have'),
  OIDC_SCOPE_CLAIM: text(
    'Claim that lists scopes, or a path such as `realm_access.roles`; if unset, `scope`, `scp` and `roles`',
  ),
  OIDC_SCOPE_PREFIX: Type.String({
    default: 'tidemark:',
    description: 'Prefix of `read`, `write` and `admin` in that claim',
  }),
  RATE_LIMIT_PER_MINUTE: Type.Integer({
    default: 6_000,
    minimum: 0,
    description: 'Requests per minute and API key; 0 means no limit',
  }),
  RATE_LIMIT_WITHOUT_KEY_PER_MINUTE: Type.Integer({
    default: 600,
    minimum: 0,
    description: 'Requests per minute and address without a valid key; 0 means no limit',
  }),
  RATE_LIMIT_WEBHOOKS_PER_MINUTE: Type.Integer({
    default: 6_000,
    minimum: 0,
    description: 'Webhook deliveries per minute and address; 0 means no limit',
  }),
  TRUSTED_PROXIES: text(
    'Comma-separated addresses and networks of proxies whose `X-Forwarded-For` is trusted; none if unset',
  ),
  CORS_ORIGINS: text('Comma-separated origins whose web pages may call the API; none if unset'),
  METRICS_PUBLIC: Type.Boolean({
    default: true,
    description: '`false`: `/metrics` needs a key with the scope `read`',
  }),
  WEBHOOK_SECRETS: text(
    'Comma-separated `whsec_…` secrets that sign change events by webhook; the endpoint is off if unset',
  ),
  OUTBOUND_MESSAGE_ORG_IDS: text(
    'Comma-separated ids of the orgs whose outbound messages are accepted; the endpoint is off if unset',
  ),
  OUTBOUND_MESSAGE_PATH_SECRET: text(
    'Secret at the end of the endpoint URL of outbound messages; two, separated by a comma, during a rotation. This or client certificates are required with the org ids',
  ),
  OUTBOUND_MESSAGE_CLIENT_CERTS: text(
    'Comma-separated SHA-256 fingerprints of accepted client certificates; a proxy verifies the certificate',
  ),
  OUTBOUND_MESSAGE_CERT_HEADER: Type.String({
    default: 'x-client-cert-sha256',
    pattern: '^[a-z0-9-]+$',
    description: 'Header in which the proxy passes the fingerprint',
  }),
  OUTBOUND_MESSAGE_PROXIES: text(
    'Comma-separated addresses and networks of the proxies that verify client certificates',
  ),
  NOTIFY_URLS: text(
    'Comma-separated URLs that receive each change of the verdict and each new incident, such as an incoming webhook of Slack; see docs/notifications.md',
  ),
  NOTIFY_SECRET: text('`whsec_…` secret that signs notifications as Standard Webhooks; unsigned if unset'),
  ROLES: Type.String({
    default: 'api,sync',
    pattern: '^(api|sync)(,(api|sync))?$',
    description: 'What this process does: serve the API, keep the mirror, or both',
  }),
  INSTANCE_NAME: text(
    'Name of this process in the status if several share a database; the host name if unset',
  ),
  DRAIN_MS: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 5_000,
    description:
      'How long the API still answers after SIGTERM while `/health/ready` is 503, in milliseconds, so that the load balancer stops routing traffic',
  }),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'Lowest level that is logged' },
  ),
  LOG_FORMAT: Type.Union([Type.Literal('auto'), Type.Literal('pretty'), Type.Literal('json')], {
    default: 'auto',
    description:
      '`pretty`: one readable line per entry; `json`: one JSON object per line; `auto`: `pretty` on a terminal, otherwise `json`',
  }),
});

/** A section begins at the named setting and ends before the next one, in the order of `settings`. */
export const settingGroups: Readonly<Record<string, string>> = {
  DATABASE_URL: 'Database',
  SIMULATOR: 'Salesforce',
  PUBSUB_ENDPOINT: 'Change events',
  SIGNUP_CODE_FIELD: 'Signup codes',
  API_RESERVE_PERCENT: 'Resyncs and maintenance',
  HOST: 'API and access',
  WEBHOOK_SECRETS: 'Webhooks',
  NOTIFY_URLS: 'Notifications',
  ROLES: 'Process',
};
