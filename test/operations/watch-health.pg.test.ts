import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createActivity } from '../../src/activity.ts';
import { directEgress } from '../../src/egress/egress.ts';
import { degraded, down, type Problem } from '../../src/health/problem.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { openIncident } from '../../src/incidents/incident-rows.ts';
import { watchHealth } from '../../src/operations/watch-health.ts';
import { eventually } from '../helpers/eventually.ts';
import { testLogger } from '../helpers/secrets-in-logs.ts';
import { useDatabase } from '../helpers/use-database.ts';

const signingKey = Buffer.alloc(32, 9);
const topic = '/data/AccountChangeEvent';

type Received = { readonly headers: IncomingHttpHeaders; readonly text: string };

describe('watching the health', () => {
  const database = useDatabase();
  let receiver: Server;
  let url: string;
  let statuses: number[];
  let received: Received[];

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        received.push({ headers: request.headers, text: Buffer.concat(parts).toString() });
        response.writeHead(statuses.shift() ?? 204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks/secret-path`;
  });
  afterAll(() => new Promise((resolve) => receiver.close(resolve)));
  beforeEach(async () => {
    statuses = [];
    received = [];
    await database.rows(
      'truncate health_changes, notifications, incidents, minute_statistics restart identity',
    );
  });

  /** Watches with verdicts that the test sets. */
  const watching = (isLeader: () => boolean = () => true) => {
    const stopping = new AbortController();
    const state = { verdict: verdictOf() };
    let samples = 0;
    const ended = watchHealth(
      {
        pool: database.pool,
        activity: createActivity(),
        send: directEgress.send,
        notify: { urls: [url], signingKey },
        health: async () => {
          samples++;
          return state.verdict;
        },
        isLeader,
        pollMs: 5,
        logger: testLogger(),
      },
      stopping.signal,
    );
    return {
      become: async (...problems: Problem[]) => {
        state.verdict = verdictOf(...problems);
        const before = samples;
        await eventually('two more samples', async () => samples > before + 1);
      },
      async [Symbol.asyncDispose]() {
        stopping.abort();
        await ended;
      },
    };
  };
  const texts = () => received.map(({ text }) => (JSON.parse(text) as { text: string }).text);
  const noStream = down('stream-stopped', {
    summary: 'The stream is stopped.',
    action: 'Activate the user.',
  });

  it('each change of the verdict is sent once, signed, as a Standard Webhook with a text for Slack', async () => {
    await using watch = watching();
    await watch.become();
    await watch.become(noStream);
    await watch.become({ ...noStream, detail: 'another detail of the same reason' });
    await watch.become();
    await eventually('two messages', async () => received.length === 2);
    expect(texts()).toEqual([
      'Tidemark is down: The stream is stopped. Activate the user.',
      'Tidemark is healthy',
    ]);
    const [first] = received;
    const verified = new Webhook(signingKey.toString('base64')).verify(
      first?.text ?? '',
      first?.headers as Record<string, string>,
    );
    expect(verified).toMatchObject({
      type: 'health.changed',
      data: { health: 'down', reasons: [{ code: 'stream-stopped', action: 'Activate the user.' }] },
    });
    expect(await database.rows('select health from health_changes order by id')).toEqual([
      { health: 'healthy' },
      { health: 'down' },
      { health: 'healthy' },
    ]);
  });

  it('a new reason is a change even if the health stays the same', async () => {
    await using watch = watching();
    await watch.become();
    await watch.become(degraded('codes-failed', { summary: 'Codes are refused.', action: '' }));
    await watch.become(degraded('catching-up', { summary: 'An incident is open.', action: '' }));
    await eventually('two messages', async () => received.length === 2);
    expect(texts()).toEqual([
      'Tidemark is degraded: Codes are refused.',
      'Tidemark is degraded: An incident is open.',
    ]);
  });

  it('a new incident is sent once, and again after a failure until the receiver accepts it', async () => {
    statuses = [500, 302];
    await using watch = watching();
    await openIncident(database.pool, { topic, cause: 'gap', detail: 'One gap event.', extent: 'all' });
    const attempts = async (count: number): Promise<void> => {
      await eventually(`${count} attempts`, async () => received.length === count);
      await eventually('its result', async () => {
        const [row] = await database.rows<{ attempts: number; done: boolean }>(
          `select attempts, state = 'sent' or error is not null as done from notifications`,
        );
        return row?.attempts === count && row.done;
      });
    };
    await attempts(1);
    expect(await database.rows('select state, error, due_at > now() as later from notifications')).toEqual([
      { state: 'pending', error: 'HTTP 500', later: true },
    ]);
    for (const count of [2, 3]) {
      await database.rows('update notifications set due_at = now()');
      await attempts(count);
    }
    await watch.become();
    expect(await database.rows('select subject, state, attempts, error from notifications')).toEqual([
      { subject: 'incident:1', state: 'sent', attempts: 3, error: null },
    ]);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(texts())).toEqual(new Set(['Tidemark opened incident 1 (gap): One gap event.']));
  });

  it('an outage of the database is sent when it begins and when it ends, without the database', async () => {
    await using watch = watching();
    await watch.become();
    await watch.become(down('database-unreachable', { summary: 'The database is unreachable.', action: '' }));
    await watch.become();
    await watch.become();
    expect(texts()).toEqual([
      'Tidemark is down: The database is unreachable.',
      'Tidemark: the database is reachable again.',
    ]);
    expect(await database.rows('select 1 from notifications')).toEqual([]);
  });

  it('a process reports nothing until it is the leader', async () => {
    let asked = 0;
    let leads = false;
    await openIncident(database.pool, { topic, cause: 'gap', detail: 'One gap event.', extent: 'all' });
    await using watch = watching(() => {
      asked++;
      return leads;
    });
    await eventually('a few steps', async () => asked > 5);
    expect(await database.rows('select 1 from notifications union all select 1 from health_changes')).toEqual(
      [],
    );
    leads = true;
    await watch.become();
    await eventually('the message', async () => received.length > 0);
  });
});

function verdictOf(...problems: Problem[]): Verdict {
  const health = problems.some(({ severity }) => severity === 'down') ? 'down' : 'degraded';
  return {
    health: problems.length === 0 ? 'healthy' : health,
    problems,
    freshThrough: null,
    lagMs: null,
    isCurrent: false,
    hasBeenCurrent: false,
    verifiedThrough: null,
  };
}
