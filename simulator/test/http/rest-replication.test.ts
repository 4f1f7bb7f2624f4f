import { Connection } from 'jsforce';
import { describe, expect, it } from 'vitest';
import { textAt, useSimulator } from './open-simulator.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const clock = { time: Date.UTC(2026, 10, 23, 8) };
const simulator = useSimulator({ now: () => clock.time, tokenLifetimeMs: 365 * day });
const { rest } = simulator;

const createAt = async (time: number, Name: string) => {
  clock.time = time;
  return textAt(await rest('POST', '/sobjects/Account', { Name }), 'id');
};
const start = Date.UTC(2026, 10, 23, 9);
const span = (from: number, to: number) =>
  `start=${new Date(from).toISOString()}&end=${encodeURIComponent(new Date(to).toISOString().replace('Z', '+00:00'))}`;

describe('replication resources', () => {
  it('replication lists what was changed and deleted between two times', async () => {
    await createAt(start - minute, 'before');
    const inside = await createAt(start, 'inside');
    const deleted = await createAt(start + minute, 'deleted');
    await rest('DELETE', `/sobjects/Account/${deleted}`);
    await createAt(start + 5 * minute, 'after');
    clock.time = start + 10 * minute;

    const { instanceUrl, sessions } = simulator.simulator;
    const connection = new Connection({ instanceUrl, accessToken: sessions.issue(), version: '64.0' });
    const from = new Date(start).toISOString();
    const to = new Date(start + 5 * minute + 30_000).toISOString();
    expect(await connection.updated('Account', from, to)).toEqual({
      ids: [inside],
      latestDateCovered: '2026-11-23T09:05:00.000+0000',
    });
    expect(await connection.deleted('Account', from, to)).toEqual({
      deletedRecords: [{ id: deleted, deletedDate: '2026-11-23T09:01:00.000+0000' }],
      earliestDateAvailable: '2026-11-08T09:10:00.000+0000',
      latestDateCovered: '2026-11-23T09:05:00.000+0000',
    });
  });

  it('replication is limited by the number of ids, the log of deletions and long transactions', async () => {
    const { replication } = simulator.simulator.faults.rest;
    const kept = await createAt(start + 20 * minute, 'kept');
    await rest('DELETE', `/sobjects/Account/${await createAt(start + 25 * minute, 'deleted')}`);
    clock.time = start + 30 * minute;
    const ask = (resource: string) =>
      rest('GET', `/sobjects/Account/${resource}?${span(start + 15 * minute, start + 30 * minute)}`);

    replication.on({ maxIds: 0, times: 2 });
    for (const resource of ['updated', 'deleted']) {
      expect(await ask(resource)).toMatchObject({ status: 400, body: [{ errorCode: 'EXCEEDED_ID_LIMIT' }] });
    }
    replication.on({ deleteLogMinutes: 3, times: 1 });
    expect((await ask('deleted')).body).toMatchObject({
      deletedRecords: [],
      earliestDateAvailable: '2026-11-23T09:27:00.000+0000',
    });
    replication.on({ openMinutes: 8, times: 2 });
    const covered = { latestDateCovered: '2026-11-23T09:22:00.000+0000' };
    expect((await ask('deleted')).body).toMatchObject({ deletedRecords: [], ...covered });
    expect((await ask('updated')).body).toEqual({ ids: [kept], ...covered });
    expect(Object((await ask('deleted')).body).deletedRecords).toHaveLength(1);
  });

  it.each([
    ['updated', span(start - 31 * day, start)],
    ['deleted', span(start - 16 * day, start)],
    ['deleted', span(start, start)],
    ['deleted', 'start=soon&end=later'],
    ['updated', ''],
  ])('replication refuses %s?%s', async (resource, query) => {
    const { body, status } = await rest('GET', `/sobjects/Account/${resource}?${query}`);
    expect([status, body]).toEqual([
      400,
      [expect.objectContaining({ errorCode: 'INVALID_REPLICATION_DATE' })],
    ]);
  });
});
