import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { useSimulator } from '../open-simulator.ts';
import { bulkClient, readCsv } from './bulk-client.ts';

const handle = useSimulator({ accounts: 25, bulkPageRows: 4, bulkCompression: true });
const { rest, send } = handle;
const { complete, page } = bulkClient(handle);

it('a result lists five page starts at a time so that pages can be read in parallel', async () => {
  const id = await complete('SELECT Id FROM Account');
  const authorization = `Bearer ${handle.simulator.sessions.issue()}`;
  const get = (url: string) => send('GET', url, undefined, { authorization });
  const first = Object((await rest('GET', `/jobs/query/${id}/resultPages`)).body);
  expect([first.done, first.resultPages.length]).toEqual([false, 5]);
  const second = Object((await get(first.nextRecordsUrl)).body);
  expect(second).toMatchObject({ done: true, nextRecordsUrl: null, resultPages: [{}, {}] });
  const urls = [...first.resultPages, ...second.resultPages].map(({ resultUrl }) => String(resultUrl));
  const pages = await Promise.all(urls.map(async (url) => String((await get(url)).body)));
  const whole = readCsv(String((await page(id, { maxRecords: '25' })).body));
  expect(pages.flatMap((csv) => readCsv(csv).slice(1))).toEqual(whole.slice(1));
  expect((await get(`/services/data/v57.0/jobs/query/${id}/resultPages`)).status).toBe(404);
});

it('a result is compressed with gzip if the simulator is configured to', async () => {
  const id = await complete('SELECT Id, Name FROM Account');
  const headers = { authorization: `Bearer ${handle.simulator.sessions.issue()}` };
  const url = `${handle.simulator.instanceUrl}/services/data/v66.0/jobs/query/${id}/results`;
  const received = await new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve, reject) => {
    const sent = request(url, { headers }, async (answer) => {
      const bytes = Buffer.concat(await answer.toArray());
      resolve({ encoding: answer.headers['content-encoding'], bytes });
    });
    sent.on('error', reject).end();
  });
  expect(received.encoding).toBe('gzip');
  expect(gunzipSync(received.bytes).toString()).toBe((await page(id)).body);
  handle.simulator.faults.bulk.cutPages.on({ times: 1 });
  await expect(page(id)).rejects.toThrow('terminated');
});
