import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { cpuShares } from '../cpu.ts';
import { startOrg } from '../org.ts';
import { loaded, median, serviceUrl, withKey } from '../world.ts';
import type { Measure, Result } from './measure.ts';

const barePort = '3986';

/** The API against a bare route with the same query, by turns, ten connections each. */
export const reads: Measure = {
  name: 'reads',
  async run(world, { quick }) {
    const org = await startOrg(2_000);
    const database = await world.createDatabase();
    const service = await world.startService(database.url, org, { RATE_LIMIT_PER_MINUTE: '0' });
    await database.until(loaded, 1);
    const bare = fork(fileURLToPath(new URL('../bare-server.ts', import.meta.url)), {
      env: { ...process.env, DATABASE_URL: database.url, PORT: barePort },
    });
    await new Promise((resolve) => bare.once('message', resolve));
    const [id = ''] = await org.accountIds();
    const extent = quick ? { rounds: 2, seconds: 2 } : { rounds: 5, seconds: 5 };
    const pids = { service: service.pid, bare: bare.pid ?? 0, postgres: world.postgres.pid };
    try {
      return [
        await compare('GET /v1/accounts/{id}', `/v1/accounts/${id}`, extent, pids),
        await compare('GET /v1/accounts?limit=50', '/v1/accounts?limit=50', extent, pids),
      ];
    } finally {
      bare.kill();
      await service.stop();
      await org.close();
      await database.drop();
    }
  },
};

async function compare(
  what: string,
  path: string,
  { rounds, seconds }: { rounds: number; seconds: number },
  pids: Readonly<Record<string, number>>,
): Promise<Result> {
  const bareUrl = `http://127.0.0.1:${barePort}`;
  await rate(`${serviceUrl}${path}`, 1);
  await rate(`${bareUrl}${path}`, 1);
  const ours: number[] = [];
  const theirs: number[] = [];
  let cpu = {};
  for (let round = 0; round < rounds; round++) {
    const measured = await cpuShares(pids, () => rate(`${serviceUrl}${path}`, seconds));
    cpu = measured.shares;
    ours.push(measured.result);
    theirs.push(await rate(`${bareUrl}${path}`, seconds));
  }
  const each = ours.map((own, i) => own / (theirs[i] ?? Number.NaN));
  return {
    what,
    value: `${Math.round(median(ours)).toLocaleString('en')} requests/s`,
    against: `${Math.round(median(theirs)).toLocaleString('en')} requests/s of a bare route`,
    figure: median(each),
    rounds: each,
    unit: '×',
    goal: { atLeast: 0.6 },
    cpu,
  };
}

async function rate(url: string, seconds: number): Promise<number> {
  const { requests, non2xx, errors } = await autocannon({
    url,
    duration: seconds,
    connections: 10,
    headers: withKey,
  });
  if (non2xx + errors > 0)
    throw new Error(`${url}: ${non2xx} answers were not 2xx, ${errors} requests failed`);
  return requests.average;
}
