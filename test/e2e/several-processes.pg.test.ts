import { expect, it } from 'vitest';
import { openMirror } from '../helpers/live-mirror.ts';
import { type ApiAccount, startTidemark, type TidemarkOverrides } from '../helpers/tidemark.ts';

type Holder = { readonly name: string; readonly pid: number; readonly since: string } | null;
type Status = { readonly subscription: { readonly holder: Holder; readonly epoch: string } };

it('one of several processes follows the topic, a stopped one hands over, and one with only the API role never takes it', async () => {
  await using mirror = await openMirror({ tidemark: { instanceName: 'first' } });
  const start = (overrides: TidemarkOverrides) =>
    startTidemark(mirror.database.url, mirror.simulator, { waitUntilReady: false, ...overrides });
  const serving = await start({ instanceName: 'serving', roles: new Set(['api']) });
  const second = await start({ instanceName: 'second', roles: new Set(['sync']) });
  try {
    const lease = async () => (await serving.get<Status>('/v1/status')).subscription;
    const before = await lease();
    expect(before).toMatchObject({ holder: { name: 'first', pid: process.pid } });
    await mirror.stop();
    await mirror.until('the second follows', async () => (await lease()).holder?.name === 'second');
    expect(BigInt((await lease()).epoch)).toBe(BigInt(before.epoch) + 1n);
    const id = await mirror.salesforce.create({ Name: 'Harbour Ltd' });
    await mirror.until('it has a code', async () => {
      const answer = await serving.request('GET', `/v1/accounts/${id}`);
      return answer.ok && ((await answer.json()) as ApiAccount).codeState === 'confirmed';
    });
    await second.stop();
    expect(await lease()).toMatchObject({ holder: null });
  } finally {
    await second.stop();
    await serving.stop();
  }
});
