import { readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { storyKey } from '../helpers/tidemark.ts';
import { type Described, describedProblems, templateOf } from './conformity.ts';
import {
  goodRequest,
  type MadeRequest,
  type Operation,
  oddRequest,
  operationsOf,
} from './described-requests.ts';
import { openSender, type RawAnswer, type Sender } from './send-raw.ts';
import { keys } from './start-server.ts';

const requests = Number(process.env['FC_RUNS'] ?? 1_000);
// The same requests every time, and others each time where more of them are wanted.
const seed = Number(
  process.env['FC_SEED'] ?? (process.env['FC_RUNS'] === undefined ? 1 : Date.now() % 2 ** 31),
);
const concurrent = 8;

let mirror: LiveMirror;
let document: Described;
let operations: Operation[];
let sender: Sender;
const known = new Map<string, unknown[]>();
/** A response of each operation and status that is JSON. */
const examples = new Map<string, unknown>();
/** Statuses that each operation has answered. */
const reached = new Map<string, Set<number>>();

// The whole service on a simulator, with something in every list.
beforeAll(async () => {
  mirror = await openMirror({
    tidemark: {
      // Enough for all that is sent at the same time: a request that waits long for a connection gets 503.
      poolSizes: { sync: 3, api: 10 },
      apiKeys: [
        { name: 'story', scopes: ['admin'], secret: storyKey },
        ...(['read', 'write', 'admin'] as const).map((scope) => ({
          name: scope,
          scopes: [scope],
          secret: keys[scope],
        })),
        { name: 'none', scopes: [], secret: keys.none },
      ],
    },
  });
  const { tidemark, salesforce } = mirror;
  for (const Name of ['Acme', 'Östgöta AB', '日本', "O'Neil \\ %_"])
    await salesforce.create({ Name, Industry: 'Energy' });
  await mirror.settled();
  await mirror.codesConfirmed();
  const { swagger } = tidemark.app as unknown as { swagger: () => object };
  document = JSON.parse(JSON.stringify(swagger()));
  operations = operationsOf(document);
  sender = openSender(tidemark.url, concurrent);
  await reachRareStates();
  await harvest();
});
afterAll(async () => {
  sender?.close();
  await mirror?.[Symbol.asyncDispose]();
});

/** What random requests come upon only by chance: something that failed to try again, something to cancel. */
async function reachRareStates(): Promise<void> {
  const one = async (statement: string, returning = 'id'): Promise<string> => {
    const [row] = await mirror.sql<{ id: string }>(`${statement} returning ${returning} as id`);
    return row?.id ?? '';
  };
  const take = async (operationId: string, url: string, body?: object): Promise<void> => {
    const operation = operations.find(({ id }) => id === operationId);
    if (operation === undefined) throw new Error(`there is no operation ${operationId}`);
    const headers = { 'content-type': 'application/json' };
    const { status } = await send({
      operation,
      url,
      headers,
      body: JSON.stringify(body ?? {}),
      spoiled: null,
    });
    expect(status, operationId).toBeLessThan(300);
  };
  const account = await one(
    `update accounts set code_state = 'failed' where id = (select min(id) from accounts where signup_code is not null)`,
  );
  await take('retryWriteBack', `/v1/write-backs/${account}/retry`);
  const failing = `update event_outcomes set state = 'failed', error = 'It broke.' where event_id in`;
  const [event, other] = [
    await one(`${failing} (select event_id from event_outcomes order by event_id limit 2)`, 'event_id'),
    await one(`${failing} (select event_id from event_outcomes order by event_id desc limit 2)`, 'event_id'),
  ];
  await take('retryEvent', `/v1/events/${event}/retry`);
  await take('dismissEvent', `/v1/events/${other}/dismiss`);
  // No worker processes these, so they wait.
  const resync = await one(
    `insert into resyncs (scope, since, account_ids, reason) select 'since', now() - interval '1 day', '{}', 'manual' from generate_series(1, 5)`,
  );
  await take('cancelResync', `/v1/resyncs/${resync}`);
  const held = await one(
    `insert into resyncs (scope, since, account_ids, reason, state)
     select 'since', now() - interval '1 day', '{}', 'manual', 'needs-confirmation' from generate_series(1, 5)`,
  );
  await take('confirmResync', `/v1/resyncs/${held}/confirm`);
  for (const mode of ['verify', 'repair']) await take('createResync', '/v1/resyncs', { scope: 'all', mode });
}

/** Notes what every list and every thing without parameters says, by the names of its fields. */
async function harvest(): Promise<void> {
  const plain = operations.filter(({ method, template }) => method === 'GET' && !template.includes('{'));
  for (const operation of plain) {
    const { body } = await send({
      operation,
      url: operation.template,
      headers: {},
      body: undefined,
      spoiled: null,
    });
    note(operation.template, body);
  }
  known.set('/v1/transactions', known.get('transactionKey') ?? []);
  known.set('/v1/accounts/{id}/fields', ['Name', 'Industry']);
}

function note(name: string, value: unknown): void {
  if (Array.isArray(value)) for (const one of value) note(name, one);
  else if (typeof value === 'object' && value !== null) {
    for (const [member, content] of Object.entries(value)) {
      // The things of a list are found under its path.
      if (name.startsWith('/') && member === 'data') note(name, content);
      if (name.startsWith('/') && ['id', 'accountId', 'key'].includes(member)) remember(name, content);
      note({ recordIds: 'recordId', nextCursor: 'cursor', code: 'errorCode' }[member] ?? member, content);
    }
  } else remember(name, value);
}

function remember(name: string, value: unknown): void {
  if (typeof value !== 'string' && typeof value !== 'boolean') return;
  const values = known.get(name) ?? [];
  if (values.length < 30 && !values.includes(value)) known.set(name, [...values, value]);
}

async function send(request: MadeRequest, key: string = keys.admin): Promise<RawAnswer> {
  const answer = await sender.send(request, key);
  const { id } = request.operation;
  reached.set(id, (reached.get(id) ?? new Set()).add(answer.status));
  // An example of the document in the document would repeat it.
  if (answer.status < 300 && answer.type === 'application/json' && id !== 'getDescription')
    keepExample(`${id} ${answer.status}`, answer.body);
  return answer;
}

/** Keeps the response that says most. */
function keepExample(name: string, body: unknown): void {
  const example = shortened(body);
  const size = (value: unknown): number => JSON.stringify(value)?.length ?? 0;
  if (size(example) > size(examples.get(name))) examples.set(name, example);
}

/** At most one item of each list, and short texts. */
function shortened(value: unknown): unknown {
  // A multiple of four characters, so that base64 stays valid.
  if (typeof value === 'string') return value.slice(0, 300);
  if (Array.isArray(value)) return value.slice(0, 1).map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shortened(member)]));
}

/** What of an answer its description does not allow. */
function faults({ operation, url, spoiled }: MadeRequest, answer: RawAnswer): string[] {
  const path = url.split('?', 1)[0] ?? '';
  const found = answer.status >= 500 ? ['it failed'] : [];
  if (answer.headers['x-request-id'] === undefined) found.push('no request id');
  if (spoiled !== null && answer.status < 400) found.push(`took ${spoiled}`);
  // A value may turn the path into that of another route, or of none; then the response is a problem.
  if (templateOf(document, path) !== operation.template) {
    if (answer.status >= 400 && answer.type !== 'application/problem+json')
      found.push(`no problem, but ${answer.type}`);
    return found;
  }
  return [...found, ...describedProblems(document, { ...answer, method: operation.method, path })];
}

async function findFaults(sample: readonly MadeRequest[], key?: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [...sample];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { operation, url, headers, body } = next;
      const answer = await send(next, key);
      const wrong = faults(next, answer);
      if (wrong.length === 0) continue;
      const asked = `${operation.method} ${url.slice(0, 300)} ${JSON.stringify(headers)} ${body?.slice(0, 300) ?? ''}`;
      found.push(
        `${asked}\n  → ${answer.status} ${JSON.stringify(answer.body)?.slice(0, 300)}\n  ${wrong.slice(0, 3).join('; ')}`,
      );
    }
  };
  await Promise.all(Array.from({ length: concurrent }, work));
  return found;
}

const sampleOf = (arbitrary: fc.Arbitrary<MadeRequest>, numRuns: number) =>
  fc.sample(arbitrary, { numRuns, seed });

describe('every documented operation', () => {
  test('every operation requires a key with its scope', async () => {
    const ranks = ['none', 'read', 'write', 'admin'] as const;
    const wrong: string[] = [];
    for (const operation of operations) {
      const needed = operation['x-required-scope'];
      // An operation without a scope is declared so: it is public, or authenticates its callers in another way.
      if (needed === undefined) expect(operation.security, operation.id).toBeDefined();
      if (needed === undefined) continue;
      expect(ranks, operation.id).toContain(needed);
      const [request] = sampleOf(goodRequest(document, operation, known), 1);
      if (request === undefined) continue;
      const without = await send(request, '');
      if (without.status !== 401) wrong.push(`${operation.id} without a key: ${without.status}`);
      for (const scope of ranks) {
        const { status } = await send(request, keys[scope]);
        const enough = ranks.indexOf(scope) >= ranks.indexOf(needed as (typeof ranks)[number]);
        // An operation may ask for more for a part of what it does.
        const fits = enough ? status !== 401 && (status !== 403 || scope !== 'admin') : status === 403;
        if (!fits) wrong.push(`${operation.id} with ${scope}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test(
    `every operation answers what is documented and never fails, whatever the request (seed ${seed})`,
    async () => {
      // The more an operation takes, the more there is to try.
      const weight = ({ parameters = [], requestBody }: Operation) =>
        1 + parameters.length + (requestBody ? 4 : 0);
      const all = operations.reduce((sum, operation) => sum + weight(operation), 0);
      const made = operations.flatMap((operation) => {
        const share = Math.ceil((requests * weight(operation)) / all / 2);
        return [
          ...sampleOf(goodRequest(document, operation, known), share),
          ...sampleOf(oddRequest(document, operation, known), share),
        ];
      });
      const mixed = fc.shuffledSubarray(made, { minLength: made.length });
      const found = await findFaults(fc.sample(mixed, { numRuns: 1, seed })[0] ?? []);
      expect(found.slice(0, 10).join('\n\n'), `${found.length} of ${made.length}`).toBe('');
    },
    Math.max(300_000, 300 * requests),
  );

  test('every operation succeeds once and refuses once', async () => {
    const succeeded = (statuses: ReadonlySet<number>) => [...statuses].some((status) => status < 300);
    // Callers of operations without a scope are authenticated in another way, with tests of their own.
    const ours = operations.filter(({ method, ...one }) => method === 'GET' || one['x-required-scope']);
    const never = (): Operation[] => ours.filter(({ id }) => !succeeded(reached.get(id) ?? new Set()));
    // What chance has not brought about yet gets more of it.
    for (const operation of never())
      for (const request of sampleOf(goodRequest(document, operation, known), 100)) await send(request);
    expect(never().map(({ id }) => id)).toEqual([]);
    const all = new Set([...reached.values()].flatMap((statuses) => [...statuses]));
    expect([...all].sort()).toEqual(expect.arrayContaining([200, 202, 400, 401, 403, 404, 409, 415]));
  });

  test('every success that is JSON has an example, which was a response once and fits its description', async () => {
    const file = new URL('../../src/http/examples.json', import.meta.url);
    if (process.env['RECORD_EXAMPLES'] !== undefined) {
      const sorted = [...examples].sort(([a], [b]) => (a < b ? -1 : 1));
      await writeFile(file, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
    }
    const recorded: Record<string, unknown> = JSON.parse(await readFile(file, 'utf8'));
    const missing = [...examples.keys()].filter((name) => !(name in recorded));
    expect(missing, 'record them with RECORD_EXAMPLES=1').toEqual([]);
    const wrong = Object.entries(recorded).flatMap(([name, body]) => {
      const [id, status = ''] = name.split(' ');
      const operation = operations.find((one) => one.id === id);
      if (operation === undefined) return [`${name}: no such operation`];
      const answer = { method: operation.method, path: operation.template, status: Number(status) };
      return describedProblems(document, { ...answer, type: 'application/json', body }).map(
        (fault) => `${name}: ${fault}`,
      );
    });
    expect(wrong).toEqual([]);
  });
});
