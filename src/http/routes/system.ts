import type { Static, TSchema } from 'typebox';
import { Type } from 'typebox';
import { columnsOf } from '../../db/columns-of.ts';
import { type LoggedRequest, type Notification, Prisma } from '../../db/generated/client.ts';
import { grants } from '../plugins/authenticate.ts';
import { NoParameters, pageParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import {
  ActionSchema,
  ApiKeySchema,
  InstanceSchema,
  MaintenanceSchema,
  MeSchema,
  MinuteSchema,
  NotificationSchema,
  SettingSchema,
  WebhookRequestSchema,
} from '../schemas/system.ts';
import { isoTime, ListOf, Named, NextCursor, StrictObject } from '../schemas/values.ts';
import { sendList } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

/** Routes about the service itself: who calls, which processes run, and what they did. */
export function registerSystemRoutes(app: Server, dependencies: HttpDependencies): void {
  const { pool, prisma, apiKeys, topic, settings = [] } = dependencies;
  for (const schema of schemas) app.addSchema(schema);

  app.get('/v1/me', { config: { scope: 'read' }, schema: meSchema }, async (request) => ({
    name: request.callerName,
    kind: request.callerName.startsWith('oidc:') ? ('token' as const) : ('key' as const),
    scopes: allScopes.filter((scope) => grants(request.callerScopes, scope)),
  }));

  app.get('/v1/instances', { config: { scope: 'read' }, schema: instancesSchema }, async () => {
    const subscription = await prisma.subscription.findUnique({ where: { topic }, select: { holder: true } });
    const holder = subscription?.holder as Partial<Holder> | null | undefined;
    const rows = await prisma.serviceInstance.findMany({ orderBy: [{ startedAt: 'asc' }, { id: 'asc' }] });
    return onePage(
      rows.map(({ startedAt, seenAt, roles, ...row }) => ({
        ...row,
        roles: (['api', 'sync'] as const).filter((role) => roles.includes(role)),
        startedAt: isoTime(startedAt),
        seenAt: isoTime(seenAt),
        isLeader: holder?.pid === row.pid && holder.host === row.host && holder.name === row.name,
      })),
    );
  });

  app.get('/v1/settings', { config: { scope: 'admin' }, schema: settingsSchema }, async () =>
    onePage([...settings]),
  );

  app.get('/v1/api-keys', { config: { scope: 'admin' }, schema: apiKeysSchema }, async () => {
    const uses = await prisma.apiKeyUse.findMany({
      where: { name: { in: apiKeys.map(({ name }) => name) } },
    });
    const usedAt = new Map(uses.map(({ name, lastUsedAt }) => [name, lastUsedAt]));
    return onePage(
      apiKeys.map(({ name, scopes }) => ({
        name,
        scopes: [...scopes],
        lastUsedAt: isoTime(usedAt.get(name) ?? null),
      })),
    );
  });

  app.get('/v1/time-series', { config: { scope: 'read' }, schema: timeSeriesSchema }, async () => {
    const rows = await prisma.minuteStatistics.findMany({
      where: { minute: { gte: new Date(Date.now() - dayMs) } },
      orderBy: { minute: 'asc' },
    });
    return onePage(
      rows.map(({ minute, maxLagMs, ...counts }) => ({
        minute: isoTime(minute),
        ...counts,
        maxLagMilliseconds: maxLagMs === null ? null : Number(maxLagMs),
      })),
    );
  });

  app.get('/v1/maintenance', { config: { scope: 'read' }, schema: maintenanceSchema }, async () => {
    const rows = await prisma.housekeeping.findMany({ orderBy: { task: 'asc' } });
    return onePage(
      rows.map(({ task, startedAt, finishedAt, rows: count, error }) => ({
        task,
        startedAt: isoTime(startedAt),
        finishedAt: isoTime(finishedAt),
        rows: Number(count),
        error,
      })),
    );
  });

  app.get(
    '/v1/webhook-requests',
    { config: { scope: 'read' }, schema: webhookRequestsSchema },
    (request, reply) =>
      sendList<LoggedRequest, Static<typeof WebhookRequestSchema>>(request, reply, {
        ...newestFirst(pool, '/v1/webhook-requests', request.query),
        select: Prisma.sql`${requestColumns} FROM request_log`,
        where: [Prisma.sql`kind = 'webhook'`],
        toJson: (rows) => rows.map(webhookRequestJson),
      }),
  );

  app.get('/v1/actions', { config: { scope: 'read' }, schema: actionsSchema }, (request, reply) =>
    sendList<LoggedRequest, Static<typeof ActionSchema>>(request, reply, {
      ...newestFirst(pool, '/v1/actions', request.query),
      select: Prisma.sql`${requestColumns} FROM request_log`,
      where: [Prisma.sql`kind = 'action'`],
      toJson: (rows) =>
        rows.map(({ id, at, caller, method, path, status, requestId }) => ({
          id: id.toString(),
          at: isoTime(at),
          caller,
          method,
          path,
          status,
          requestId,
        })),
    }),
  );

  app.get('/v1/notifications', { config: { scope: 'read' }, schema: notificationsSchema }, (request, reply) =>
    sendList<Notification, Static<typeof NotificationSchema>>(request, reply, {
      ...newestFirst(pool, '/v1/notifications', request.query),
      select: Prisma.sql`${notificationColumns} FROM notifications`,
      where: [],
      toJson: (rows) => rows.map(notificationJson),
    }),
  );
}

const dayMs = 86_400_000;
const allScopes = ['read', 'write', 'admin'] as const;
const requestColumns = Prisma.raw(columnsOf(Object.values(Prisma.LoggedRequestScalarFieldEnum)));
const notificationColumns = Prisma.raw(columnsOf(Object.values(Prisma.NotificationScalarFieldEnum)));

type Holder = { readonly name: string; readonly host: string; readonly pid: number };

function onePage<Item>(data: Item[]) {
  return { data, nextCursor: null };
}

function newestFirst(
  pool: HttpDependencies['pool'],
  path: string,
  parameters: { readonly limit?: number; readonly cursor?: string },
) {
  return { pool, path, parameters, order: { id: { sql: 'id', type: 'bigint' }, descending: true } } as const;
}

function webhookRequestJson(row: LoggedRequest): Static<typeof WebhookRequestSchema> {
  return {
    id: row.id.toString(),
    receivedAt: isoTime(row.at),
    endpoint: row.path.endsWith('change-events') ? 'change-events' : 'outbound-messages',
    status: row.status,
    problem: row.problem,
    received: row.received,
    stored: row.stored,
    address: row.caller,
    webhookId: row.requestId,
  };
}

function notificationJson(row: Notification): Static<typeof NotificationSchema> {
  return {
    id: row.id.toString(),
    createdAt: isoTime(row.createdAt),
    subject: row.subject,
    summary: row.summary,
    url: new URL(row.url).origin,
    state: (['pending', 'sent', 'failed'] as const).find((state) => state === row.state) ?? 'pending',
    attempts: row.attempts,
    error: row.error,
    sentAt: isoTime(row.sentAt),
  };
}

const schemas = [
  MeSchema,
  InstanceSchema,
  SettingSchema,
  ApiKeySchema,
  MinuteSchema,
  MaintenanceSchema,
  WebhookRequestSchema,
  ActionSchema,
  NotificationSchema,
];

/** A short list, always complete. */
function shortList<const Id extends string, T extends TSchema>(
  operationId: Id,
  summary: string,
  description: string,
  item: T,
) {
  const page = Type.Object(
    { data: Type.Array(Named(item)), nextCursor: NextCursor },
    { description: 'The complete list: `nextCursor` is null.' },
  );
  return {
    operationId,
    summary,
    description,
    tags: ['System'],
    querystring: NoParameters,
    response: { 200: page, ...problemResponses() },
  };
}

function pagedList<const Id extends string, T extends TSchema>(
  operationId: Id,
  summary: string,
  description: string,
  item: T,
) {
  return {
    operationId,
    summary,
    description,
    tags: ['System'],
    querystring: StrictObject(pageParameters),
    response: { 200: ListOf(item), ...problemResponses() },
  };
}

const meSchema = {
  operationId: 'getMe',
  summary: 'Get the caller',
  description: 'The name and the scopes of the API key or token of the request.',
  tags: ['System'],
  querystring: NoParameters,
  response: { 200: Named(MeSchema), ...problemResponses() },
} as const;

const instancesSchema = shortList(
  'listInstances',
  'List processes',
  'The processes on this database. One that ended without a graceful shutdown stays in the list for a day; see `seenAt`.',
  InstanceSchema,
);

const settingsSchema = shortList(
  'listSettings',
  'List settings',
  'The settings of the process that answers, with masked secrets.',
  SettingSchema,
);

const apiKeysSchema = shortList(
  'listApiKeys',
  'List API keys',
  'The configured API keys and when each was last used by any process, without their secrets.',
  ApiKeySchema,
);

const timeSeriesSchema = shortList(
  'listTimeSeries',
  'List statistics by minute',
  'The minutes of the last 24 hours, the oldest first. Minutes without a leader are missing.',
  MinuteSchema,
);

const maintenanceSchema = shortList(
  'listMaintenanceTasks',
  'List maintenance tasks',
  'The last run of each maintenance task, in any process.',
  MaintenanceSchema,
);

const webhookRequestsSchema = pagedList(
  'listWebhookRequests',
  'List webhook requests',
  'The received webhook requests, accepted or rejected, newest first. About 10,000 are kept.',
  WebhookRequestSchema,
);

const actionsSchema = pagedList(
  'listActions',
  'List actions',
  'Every request with a key that changed something or tried to, newest first, for 90 days: an audit by key.',
  ActionSchema,
);

const notificationsSchema = pagedList(
  'listNotifications',
  'List notifications',
  'The messages to `NOTIFY_URLS` about changes of the verdict and new incidents, newest first.',
  NotificationSchema,
);
