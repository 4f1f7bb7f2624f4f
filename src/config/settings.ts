import { Type } from 'typebox';
import { defaultFormat } from '../codes/code-format.ts';

const text = (description: string, options: object = {}) =>
  Type.Optional(Type.String({ description, ...options }));

/**
 * Every setting: its environment variable, its form, its default and what it means.
 * The table in the README is made from this.
 */
export const settings = Type.Object({
  DATABASE_URL: text(
    'PostgreSQL 14 or later, itself and not a pooler, with several hosts where it can fail over (docs/fail-over.md); unset starts an embedded one',
    {
      pattern: '^postgres(ql)?://',
    },
  ),
  DATABASE_REPLICA_URL: text(
    'A streaming replica that accounts and events are read from while it is less than 5 s behind',
    { pattern: '^postgres(ql)?://[^,]+$' },
  ),
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
  SALESFORCE_ACCESS_TOKEN: text('A token from elsewhere (the Salesforce CLI); it is not renewed'),
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
  PUBSUB_CA_FILE: text('Certificate authority to trust besides the built-in ones, PEM'),
  CDC_TOPIC: Type.String({
    default: '/data/AccountChangeEvent',
    pattern: '^/data/[A-Za-z0-9_]+$',
    description:
      'Topic to follow: `/data/AccountChangeEvent`, `/data/ChangeEvents` or a custom channel that carries Account, such as `/data/Name__chn`',
  }),
  REPLAY_PRESET: Type.Union([Type.Literal('latest'), Type.Literal('earliest')], {
    default: 'latest',
    description: 'Where a first subscription starts; the initial load covers what lies before',
  }),
  QUIET_MS: Type.Integer({
    default: 50,
    minimum: 10,
    maximum: 60_000,
    description:
      'How long the stream has to be silent for the newest transaction to be complete, in milliseconds',
  }),
  SIGNUP_CODE_FIELD: Type.String({
    default: 'SignUpCode__c',
    pattern: '^[A-Za-z][A-Za-z0-9_]*__c$',
    description: 'Account field that holds the code',
  }),
  SIGNUP_CODE_BACKFILL: Type.Boolean({
    default: false,
    description: 'Also give codes to accounts that existed before',
  }),
  SIGNUP_CODE_FILTER: text(
    "Only accounts that fit get a code, such as `Type = 'Customer' AND Rating IN ('Hot', 'Warm')`; see docs/write-back.md",
  ),
  SIGNUP_CODE_RESTORE: Type.Boolean({
    default: false,
    description: 'Write a code again that was cleared in Salesforce',
  }),
  SIGNUP_CODE_ALPHABET: Type.String({
    default: defaultFormat.alphabet,
    description: 'Characters that codes are made of',
  }),
  SIGNUP_CODE_LENGTH: Type.Integer({
    default: defaultFormat.length,
    minimum: 1,
    maximum: 100,
    description: 'Random characters of a code; at least 40 bits are needed',
  }),
  SIGNUP_CODE_PREFIX: text('What every code begins with', { maxLength: 40 }),
  WRITE_BACK_GATHER_MS: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 10_000,
    description: 'How long more codes are waited for before a batch is sent, in milliseconds',
  }),
  API_RESERVE_PERCENT: Type.Integer({
    default: 20,
    minimum: 0,
    maximum: 95,
    description:
      'Share of the daily API requests that resyncs and write-backs leave to others, in percent; they wait instead',
  }),
  RESYNC_BULK_FROM: Type.Integer({
    default: 10_000,
    minimum: 1,
    description: 'From so many records on, a resync reads by the Bulk API instead of queries',
  }),
  VERIFY_SCHEDULE: text(
    'Cron expression, UTC: when all accounts are compared with Salesforce, and what differs is repaired; off if unset',
  ),
  SAMPLE_SCHEDULE: text(
    'Cron expression, UTC: the same at little cost, by what changed and by counts; off if unset',
  ),
  INDEXED_FIELDS: text(
    'Comma-separated fields that accounts may be filtered by, such as `Industry,BillingAddress.Country`; each gets an index',
    { maxLength: 4096 },
  ),
  EVENT_RETENTION_DAYS: Type.Integer({
    default: 90,
    minimum: 0,
    description:
      'How long applied events stay in the log, in days; 0 is for ever, less than 4 is refused; see docs/housekeeping.md',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  API_KEYS: text(
    'Comma-separated `name:scope+scope:secret`, scopes `read`, `write`, `admin`; generated with the simulator',
  ),
  OIDC_ISSUER: text(
    'OpenID Connect issuer whose access tokens are accepted beside API keys; see docs/security.md',
  ),
  OIDC_AUDIENCE: text('The audience that tokens for Tidemark name'),
  OIDC_SCOPE_CLAIM: text(
    'Claim, or path such as `realm_access.roles`, that lists scopes; unset looks at `scope`, `scp` and `roles`',
  ),
  OIDC_SCOPE_PREFIX: Type.String({
    default: 'tidemark:',
    description: 'What stands before `read`, `write` and `admin` in that claim',
  }),
  RATE_LIMIT_PER_MINUTE: Type.Integer({
    default: 6_000,
    minimum: 0,
    description: 'Requests of one API key within a minute; 0 is no limit',
  }),
  RATE_LIMIT_WITHOUT_KEY_PER_MINUTE: Type.Integer({
    default: 600,
    minimum: 0,
    description: 'Requests of one address without a valid key within a minute; 0 is no limit',
  }),
  RATE_LIMIT_WEBHOOKS_PER_MINUTE: Type.Integer({
    default: 6_000,
    minimum: 0,
    description: 'Webhook deliveries of one address within a minute; 0 is no limit',
  }),
  TRUSTED_PROXIES: text(
    'Comma-separated addresses and networks of proxies in front, whose `X-Forwarded-For` is believed; none if unset',
  ),
  CORS_ORIGINS: text('Comma-separated origins whose web pages may call the API; none if unset'),
  METRICS_PUBLIC: Type.Boolean({
    default: true,
    description: '`false`: `/metrics` needs a key with the scope `read`',
  }),
  WEBHOOK_SECRETS: text(
    'Comma-separated `whsec_…`; change events by webhook are signed with one of them; none are taken if unset',
  ),
  OUTBOUND_MESSAGE_ORG_IDS: text(
    'Comma-separated ids of the orgs whose outbound messages are taken; none are taken if unset',
  ),
  OUTBOUND_MESSAGE_PATH_SECRET: text(
    'What the endpoint URL of outbound messages ends in, several separated by commas while it is changed; this or client certificates are required with the org ids',
  ),
  OUTBOUND_MESSAGE_CLIENT_CERTS: text(
    'Comma-separated SHA-256 fingerprints of client certificates, one of which a proxy has to have checked',
  ),
  OUTBOUND_MESSAGE_CERT_HEADER: Type.String({
    default: 'x-client-cert-sha256',
    pattern: '^[a-z0-9-]+$',
    description: 'Header in which the proxy gives the fingerprint',
  }),
  OUTBOUND_MESSAGE_PROXIES: text('Addresses or networks of such proxies, comma-separated'),
  ROLES: Type.String({
    default: 'api,sync',
    pattern: '^(api|sync)(,(api|sync))?$',
    description: 'What this process does: serve the API, keep the mirror, or both',
  }),
  INSTANCE_NAME: text(
    'How this process is named to people, where several share a database; the host unless set',
  ),
  DRAIN_MS: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 5_000,
    description:
      'How long the API still answers after SIGTERM, with `/health/ready` at 503, so that a load balancer looks away, in milliseconds',
  }),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'How much is logged' },
  ),
});
