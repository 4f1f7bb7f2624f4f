import { createHmac } from 'node:crypto';
import type pg from 'pg';
import type { Queryable } from '../db/database.ts';
import type { Egress } from '../egress/egress.ts';

export type NotifyOptions = {
  /** `NOTIFY_URLS`: no notifications without one. */
  readonly urls: readonly string[];
  /** `NOTIFY_SECRET` */
  readonly signingKey?: Uint8Array;
};

/** What a receiver gets: the payload of a Standard Webhook, with `text` for Slack and services compatible with it. */
export type NotificationBody = {
  readonly type: 'health.changed' | 'incident.opened';
  readonly timestamp: string;
  readonly text: string;
  readonly data: object;
};

// A receiver that is unreachable for a day misses the message; the console shows it.
const maxAttempts = 14;
const requestTimeoutMs = 10_000;
const maxPerStep = 20;

/**
 * Adds a notification for each change of the verdict and each incident of the last hour that has none, for each URL. The
 * first verdict of a new database is not a change.
 */
export async function addNotifications(client: Queryable, urls: readonly string[]): Promise<void> {
  if (urls.length === 0) return;
  await client.query({
    name: 'add-notifications',
    text: `insert into notifications (subject, url, summary, body)
           select s.subject, u.url, s.body ->> 'text', s.body
             from (select 'health:' || h.id as subject, h.at,
                          jsonb_build_object(
                            'type', 'health.changed', 'timestamp', ${iso('h.at')},
                            'text', 'Tidemark is ' || h.health
                                    || coalesce(': ' || (h.reasons -> 0 ->> 'message'), '')
                                    || coalesce(' ' || nullif(h.reasons -> 0 ->> 'action', ''), ''),
                            'data', jsonb_build_object('health', h.health, 'reasons', h.reasons)) as body
                     from health_changes h
                    where h.at > now() - interval '1 hour' and h.id > (select min(id) from health_changes)
                    union all
                   select 'incident:' || i.id, i.opened_at,
                          jsonb_build_object(
                            'type', 'incident.opened', 'timestamp', ${iso('i.opened_at')},
                            'text', 'Tidemark opened incident ' || i.id || ' (' || i.cause || '): ' || i.detail,
                            'data', jsonb_build_object('id', i.id::text, 'topic', i.topic, 'cause', i.cause,
                                                       'detail', i.detail, 'extent', i.extent)) as body
                     from incidents i where i.opened_at > now() - interval '1 hour') s
                  cross join unnest($1::text[]) u (url)
            where not exists (select from notifications n where n.subject = s.subject and n.url = u.url)
            order by s.at
           on conflict (subject, url) do nothing`,
    values: [urls],
  });
}

/** SQL: a time as RFC 3339. */
function iso(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** Sends the notifications that are due. A failed one is repeated after growing pauses, for about a day. */
export async function sendNotifications(
  {
    pool,
    send,
    options,
  }: { readonly pool: pg.Pool; readonly send: Egress['send']; readonly options: NotifyOptions },
  signal: AbortSignal,
): Promise<void> {
  for (const due of await claimDue(pool, options.urls)) {
    const error = await post(send, options, due, signal);
    await saveResult(pool, due, error);
  }
}

type Due = {
  readonly id: bigint;
  readonly subject: string;
  readonly createdAt: Date;
  readonly url: string;
  readonly body: NotificationBody;
  readonly attempts: number;
};

async function claimDue(client: Queryable, urls: readonly string[]): Promise<Due[]> {
  if (urls.length === 0) return [];
  const { rows } = await client.query<Due>({
    name: 'claim-notifications',
    text: `update notifications n
              set attempts = n.attempts + 1,
                  due_at = now() + least(power(2, n.attempts) * interval '10 seconds', interval '4 hours')
            where n.id in (select id from notifications
                            where state = 'pending' and due_at <= now() and url = any($1::text[])
                            order by due_at, id limit ${maxPerStep} for update skip locked)
           returning n.id, n.subject, n.created_at as "createdAt", n.url, n.body, n.attempts`,
    values: [urls],
  });
  return rows.sort((a, b) => Number(a.id - b.id));
}

/** @returns why it failed; undefined if the receiver accepted it */
async function post(
  send: Egress['send'],
  { signingKey }: NotifyOptions,
  { subject, createdAt, url, body }: Pick<Due, 'subject' | 'createdAt' | 'url' | 'body'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = JSON.stringify(body);
  const id = `${subject.replace(':', '-')}-${createdAt.getTime()}`;
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature =
    signingKey &&
    `v1,${createHmac('sha256', signingKey).update(`${id}.${timestamp}.${text}`).digest('base64')}`;
  try {
    const { status } = await send(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        ...(signature && { 'webhook-signature': signature }),
      },
      body: text,
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    });
    return status >= 200 && status < 300 ? undefined : `HTTP ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function saveResult(
  client: Queryable,
  { id, attempts }: Due,
  error: string | undefined,
): Promise<void> {
  const state = error === undefined ? 'sent' : attempts >= maxAttempts ? 'failed' : 'pending';
  await client.query({
    name: 'save-notification-result',
    text: `update notifications set state = $2, error = $3, sent_at = case when $2 = 'sent' then now() end where id = $1`,
    values: [id, state, error ?? null],
  });
}

/** Reports an outage of the database, or its end, which cannot be stored. Sent once, without a retry. */
export async function notifyDirectly(
  send: Egress['send'],
  options: NotifyOptions,
  message: NotificationBody,
  signal: AbortSignal,
): Promise<void> {
  const createdAt = new Date(message.timestamp);
  await Promise.all(
    options.urls.map((url) =>
      post(send, options, { subject: 'database:', createdAt, url, body: message }, signal),
    ),
  );
}
