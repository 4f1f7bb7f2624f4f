import { Type } from 'typebox';
import { Count, NullableInteger, NullableText, NullableTime, OneOf, Time } from './values.ts';

export const MeSchema = Type.Object(
  {
    name: Type.String({ examples: ['ops'] }),
    kind: OneOf(['key', 'token'], { description: '`token`: an access token of the OpenID Connect issuer.' }),
    scopes: Type.Array(OneOf(['read', 'write', 'admin']), {
      description: 'With the scopes that they include.',
    }),
  },
  { $id: 'Me', description: 'The caller.' },
);

export const InstanceSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String({ description: '`INSTANCE_NAME`, or the host name.' }),
    host: Type.String(),
    pid: Type.Integer(),
    roles: Type.Array(OneOf(['api', 'sync'])),
    version: Type.String({ examples: ['0.1.0'] }),
    startedAt: Time(),
    seenAt: Time({ description: 'The time of its last heartbeat; one is sent every 15 seconds.' }),
    isLeader: Type.Boolean({ description: 'Whether it follows the stream and writes codes.' }),
  },
  { $id: 'Instance', description: 'A process of Tidemark on this database.' },
);

export const SettingSchema = Type.Object(
  {
    name: Type.String({ examples: ['CDC_TOPIC'] }),
    group: Type.String({ examples: ['Change events'] }),
    value: NullableText({ description: 'Null if it is unset; `********` for a secret.' }),
    source: OneOf(['default', 'environment']),
    secret: Type.Boolean(),
    description: Type.String(),
  },
  { $id: 'Setting', description: 'A setting of the process that answers.' },
);

export const ApiKeySchema = Type.Object(
  {
    name: Type.String(),
    scopes: Type.Array(OneOf(['read', 'write', 'admin'])),
    lastUsedAt: NullableTime({ description: 'Accurate to 30 seconds; null if it was never used.' }),
  },
  { $id: 'ApiKey', description: 'A configured API key, without its secret.' },
);

export const WebhookRequestSchema = Type.Object(
  {
    id: Type.String({ pattern: '^\\d+$' }),
    receivedAt: Time(),
    endpoint: OneOf(['change-events', 'outbound-messages']),
    status: Type.Integer({ description: 'The HTTP status of the response.', examples: [202] }),
    problem: NullableText({ description: 'Why the request was rejected.' }),
    received: NullableInteger({ description: 'Number of events in the request; null if it was rejected.' }),
    stored: NullableInteger({ description: 'Number of new events.' }),
    address: Type.String({ description: 'The address of the sender.', examples: ['203.0.113.7'] }),
    webhookId: NullableText({ description: 'The `webhook-id` of the sender.' }),
  },
  { $id: 'WebhookRequest', description: 'A received webhook request.' },
);

export const ActionSchema = Type.Object(
  {
    id: Type.String({ pattern: '^\\d+$' }),
    at: Time(),
    caller: Type.String({ description: 'The name of the API key, or `oidc:` and the subject of the token.' }),
    method: Type.String({ examples: ['POST'] }),
    path: Type.String({ examples: ['/v1/resyncs'] }),
    status: Type.Integer({ description: 'The HTTP status of the response.', examples: [202] }),
    requestId: NullableText({ description: 'The id of the request in the log.' }),
  },
  { $id: 'Action', description: 'A request that changed something, or tried to.' },
);

export const MinuteSchema = Type.Object(
  {
    minute: Time({ description: 'The start of the minute.' }),
    events: Count('Events that were applied, skipped or failed.'),
    failedEvents: Count(),
    codes: Count('Codes that were written to Salesforce.'),
    failedCodes: Count(),
    connectionErrors: Count('Failures of connections to Salesforce and to the database.'),
    maxLagMilliseconds: NullableInteger({
      description: 'The longest time since the mirror was known to be current; null before the initial load.',
    }),
  },
  { $id: 'Minute', description: 'The statistics of one minute.' },
);

export const MaintenanceSchema = Type.Object(
  {
    task: Type.String({ examples: ['incidents'] }),
    startedAt: Time(),
    finishedAt: NullableTime({ description: 'Null while it runs.' }),
    rows: Count('Rows of the last run.'),
    error: NullableText(),
  },
  { $id: 'MaintenanceTask', description: 'The last run of a maintenance task.' },
);

export const NotificationSchema = Type.Object(
  {
    id: Type.String({ pattern: '^\\d+$' }),
    createdAt: Time(),
    subject: Type.String({
      description: '`health:` and the number of the change, or `incident:` and the id of the incident.',
      examples: ['incident:12'],
    }),
    summary: Type.String(),
    url: Type.String({ description: 'The origin of the receiver, without its path.' }),
    state: OneOf(['pending', 'sent', 'failed']),
    attempts: Count(),
    error: NullableText({ description: 'Why the last attempt failed.' }),
    sentAt: NullableTime(),
  },
  { $id: 'Notification', description: 'A message about a change of the verdict or a new incident.' },
);

export const FreshnessSchema = Type.Object(
  {
    minutes: Count('Minutes of the last 24 hours with statistics.'),
    under1s: Type.Number({ minimum: 0, maximum: 1 }),
    under5s: Type.Number({ minimum: 0, maximum: 1 }),
    under60s: Type.Number({ minimum: 0, maximum: 1 }),
  },
  {
    description:
      'The share of these minutes during which the mirror was never older than one second, five seconds, and a minute.',
  },
);
