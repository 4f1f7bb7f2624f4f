import { pino } from 'pino';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';
import { startTidemark, type Tidemark } from '../helpers/tidemark.ts';

type Line = {
  readonly level: number;
  readonly msg: string;
  readonly action?: string;
  readonly reason?: string;
  readonly err?: object;
};
const lines: Line[] = [];
const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });

let database: TestDatabase;
let proxy: FaultProxy;
let simulator: Simulator;
let tidemark: Tidemark;

beforeAll(async () => {
  database = await createTestDatabase();
  const { hostname, port } = new URL(database.url);
  proxy = await startFaultProxy(() => ({ host: hostname, port: Number(port) }));
  const url = new URL(database.url);
  url.port = String(proxy.port);
  simulator = await startSimulator({ accounts: 3 });
  tidemark = await startTidemark(url.href, simulator, { logger });
});
afterAll(async () => {
  await tidemark.stop();
  await simulator.close();
  await proxy.close();
  await database.drop();
});

const shown = (): Line[] => lines.filter(({ level, msg }) => level >= 30 && !/^request|^incoming/.test(msg));
const probe = async (): Promise<{ readonly status: number; readonly reasons?: readonly string[] }> => {
  const answer = await fetch(`${tidemark.url}/health/ready`);
  return { status: answer.status, ...((await answer.json()) as object) };
};
type Metrics = { readonly reason: boolean; readonly down: boolean };
const metrics = async (): Promise<Metrics> => {
  const text = await (await fetch(`${tidemark.url}/metrics`)).text();
  return {
    reason: text.includes('tidemark_health_reasons{code="database-unreachable"} 1'),
    down: text.includes('tidemark_health{state="down"} 1'),
  };
};

it('an outage of the database is logged once when it begins and once when it ends', async () => {
  await eventually('it is ready', async () => (await probe()).status === 200);
  lines.length = 0;
  proxy.refuse();
  const began = await eventually('the outage is logged', async () =>
    lines.find(({ msg }) => msg === 'database disconnected'),
  );
  expect(began).toMatchObject({
    level: 40,
    reason: expect.stringMatching(/ECONNRE(?:FUSED|SET)/),
    action: expect.stringContaining('Check that PostgreSQL runs'),
  });
  expect(await probe()).toMatchObject({
    status: 503,
    reasons: [expect.stringMatching(/^The database does not answer/)],
  });
  expect(await metrics()).toEqual({ reason: true, down: true });
  for (const [path, detail] of [
    ['/v1/status', /^The database does not answer\. Check that PostgreSQL runs .*\(.*ECONN.*\)$/],
    ['/v1/accounts', /^The database does not answer\. Try again/],
  ] as const) {
    const answer = await tidemark.request('GET', path);
    expect([answer.status, await answer.json()]).toEqual([
      503,
      expect.objectContaining({ detail: expect.stringMatching(detail) }),
    ]);
  }
  await eventually(
    'the stages have failed and tried again',
    () => lines.filter(({ level, err }) => level === 20 && err !== undefined).length >= 8,
  );
  proxy.pass();
  await eventually('it is ready again', async () => (await probe()).status === 200);
  await eventually('the end is logged', async () =>
    lines.some(({ level, msg }) => level === 30 && msg === 'database reconnected'),
  );
  expect(
    shown()
      .filter(({ level }) => level > 30)
      .map(({ msg }) => msg),
  ).toEqual([began.msg]);
});
