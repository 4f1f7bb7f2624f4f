import { beforeAll, describe, expect, it } from 'vitest';
import { readAccountAsOf } from '../../src/history/account-as-of.ts';
import { listEntries, listFieldChanges, withChanges } from '../../src/history/list-entries.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { accountId } from '../http/rows.ts';

type Plan = {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Plan[];
};

describe('long histories', () => {
  const database = useDatabase();
  const id = accountId(1);
  const changes = 10_000;

  beforeAll(async () => {
    const one = `'${id}', s * 1000, s, 1, 0`;
    await database.rows(
      `insert into account_changes (account_id, commit_ms, commit_number, sequence_number, read_ms, form, written, change_type, event_id)
       select ${one}, case s when 1 then 'all' else 'some' end,
              case s when 1 then '{"Name":"A","Industry":"Energy"}'::jsonb else jsonb_build_object('Site', s::text) end,
              case s when 1 then 'CREATE' else 'UPDATE' end, s
         from generate_series(1, ${changes}) s`,
    );
    await database.rows(
      `insert into account_changes (account_id, commit_ms, commit_number, sequence_number, read_ms, form, written, change_type)
       select 'other' || s, 1, 1, 1, 0, 'all', '{"Name":"B"}', 'CREATE' from generate_series(1, 5000) s`,
    );
    await database.rows(
      `insert into account_states
       select ${one}, jsonb_build_object('Name', 'A', 'Industry', 'Energy', 'Site', s::text), '1000.1.1.0',
              jsonb_build_object('Site', (s * 1000) || '.' || s || '.1.0'), null, false
         from generate_series(100, ${changes}, 100) s`,
    );
    await database.rows(
      `insert into account_states select 'other' || s, 1, 1, 1, 0, '{}', '1.1.1.0', '{}', null, s % 2 = 0 from generate_series(1, 5000) s`,
    );
    await database.rows('analyze account_changes; analyze account_states');
  });

  /** The rows that a piece of work read, by table. */
  const rowsRead = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
    const read = async () => {
      await database.rows('select pg_stat_force_next_flush()');
      return database.rows<{ name: string; read: number; scans: number }>(
        `select relname as name, (coalesce(idx_tup_fetch, 0) + seq_tup_read)::float8 as read, seq_scan::float8 as scans
           from pg_stat_user_tables where relname in ('account_changes', 'account_states') order by 1`,
      );
    };
    const before = await read();
    await work();
    const after = await read();
    return Object.fromEntries(
      after.map(({ name, read: now, scans }, index) => {
        expect(scans, `scans of the whole of ${name}`).toBe(before[index]?.scans);
        return [name, now - (before[index]?.read ?? 0)];
      }),
    );
  };

  it('a past state is computed from the nearest checkpoint', async () => {
    const read = await rowsRead(async () => {
      const past = await readAccountAsOf(database.pool, id, new Date(7_654_500));
      expect(past).toMatchObject({ kind: 'known' });
      if (past.kind === 'known') expect(past.state.merged.values.get('Site')).toBe('7654');
    });
    expect(read['account_changes']).toBeLessThanOrEqual(100);
    expect(read['account_states']).toBeLessThanOrEqual(2);
  });

  it('a page of the history reads no more than its rows and those back to the nearest checkpoint', async () => {
    const read = await rowsRead(async () => {
      const page = await listEntries(database.pool, {
        accountId: id,
        before: [5_000_500, 0n, 0, 0],
        limit: 50,
      });
      const [newest] = await withChanges(database.pool, id, page);
      expect(newest?.changes).toEqual([{ field: 'Site', before: '4999', after: '5000' }]);
    });
    expect(read['account_changes']).toBeLessThanOrEqual(151);
  });

  it('the history of a field is read by an index of the account, also if few changes wrote it', async () => {
    const read = await rowsRead(async () => {
      const writes = await listFieldChanges(database.pool, {
        accountId: id,
        before: null,
        limit: 50,
        path: 'Industry',
      });
      expect(writes.map(({ change }) => change)).toEqual([
        { field: 'Industry', before: null, after: 'Energy' },
      ]);
    });
    expect(read['account_changes']).toBeLessThanOrEqual(changes);
  });

  it('a long history is read by the primary keys', async () => {
    const [row] = await database.rows<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `explain (format json) select * from account_changes c
        where c.account_id = '${id}' and (c.commit_ms, c.commit_number, c.sequence_number, c.read_ms) < (5000500, 0, 0, 0)
        order by c.commit_ms desc, c.commit_number desc, c.sequence_number desc, c.read_ms desc limit 50`,
    );
    const nodes: Plan[] = [];
    const collect = (plan: Plan): void => {
      nodes.push(plan);
      for (const child of plan.Plans ?? []) collect(child);
    };
    for (const { Plan: plan } of row?.['QUERY PLAN'] ?? []) collect(plan);
    expect(nodes.map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan']);
    expect(nodes[1]?.['Index Name']).toBe('account_changes_pkey');
  });
});
