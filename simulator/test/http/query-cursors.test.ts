import { expect, it } from 'vitest';
import { createQueryCursors, type QueryRows } from '../../src/http/query-cursors.ts';

const rows = (batchSize: number): QueryRows => ({ fields: [], records: [], batchSize });

it('each read extends a query cursor', () => {
  const clock = { time: 0 };
  const cursors = createQueryCursors({ lifetimeMs: 1000, now: () => clock.time });
  const kept = rows(200);
  const id = cursors.open(kept);
  expect(id).toMatch(/^0r8\w+$/);
  clock.time = 999;
  expect(cursors.read(id)).toBe(kept);
  clock.time = 1998;
  expect(cursors.read(id)).toBe(kept);
  clock.time = 2998;
  expect(cursors.read(id)).toBeUndefined();
});

it('the oldest of more than 50 query cursors is dropped', () => {
  const cursors = createQueryCursors({ lifetimeMs: 1000, now: () => 0 });
  const ids = Array.from({ length: 51 }, (_, at) => cursors.open(rows(at)));
  const [first = '', second = ''] = ids;
  expect(cursors.read(first)).toBeUndefined();
  expect(cursors.read(second)?.batchSize).toBe(1);
});
