import { describe, expect, it } from 'vitest';
import { textAt, useSimulator } from './open-simulator.ts';

const { rest } = useSimulator();

const create = async (values: Record<string, unknown>) =>
  textAt(await rest('POST', '/sobjects/Account', values), 'id');

const refusal = (errorCode: string) => [expect.objectContaining({ errorCode })];

describe('SOQL queries over REST', () => {
  it('query results have pages with nextRecordsUrl', async () => {
    for (let start = 0; start < 450; start += 150) {
      const records = Array.from({ length: 150 }, (_, at) => ({
        attributes: { type: 'Account' },
        Name: `page ${String(start + at).padStart(3, '0')}`,
      }));
      await rest('POST', '/composite/sobjects', { records });
    }
    const soql = encodeURIComponent("SELECT Name FROM Account WHERE Name LIKE 'page%' ORDER BY Name");
    let answer = await rest('GET', `/query?q=${soql}`, undefined, {
      'sforce-query-options': 'batchSize=200',
    });
    const beyond = Object(answer.body).nextRecordsUrl.replace(/^.*(\/query\/.*-).*$/, '$1451');
    expect((await rest('GET', beyond)).body).toEqual(refusal('INVALID_QUERY_LOCATOR'));
    const names: unknown[] = [];
    for (;;) {
      const page = Object(answer.body);
      expect(page).toMatchObject({ totalSize: 450 });
      names.push(...page.records.map((record: { Name: string }) => record.Name));
      if (page.done) break;
      answer = await rest('GET', page.nextRecordsUrl.replace('/services/data/v66.0', ''));
    }
    expect(names).toHaveLength(450);
    expect(names).toEqual([...new Set(names)].sort());
  });

  it('counts and aggregates have their own response shapes', async () => {
    await create({ Name: 'Counted' });
    const where = encodeURIComponent(" FROM Account WHERE Name = 'Counted'");
    const count = await rest('GET', `/query/?q=SELECT+COUNT()${where}`);
    expect(count.body).toEqual({ totalSize: 1, done: true, records: [] });
    const aggregate = await rest('GET', `/query?q=SELECT+COUNT(Id)+n,MAX(Name)${where}`);
    expect(aggregate.body).toMatchObject({
      totalSize: 1,
      records: [{ attributes: { type: 'AggregateResult' }, n: 1, expr0: 'Counted' }],
    });
    const grouped = await rest(
      'GET',
      `/query?q=SELECT+HOUR_IN_DAY(CreatedDate)+h,COUNT(CreatedDate)+n,MAX(CreatedDate)+t${where}+GROUP+BY+HOUR_IN_DAY(CreatedDate)`,
    );
    const [{ h, n, t }] = Object(grouped.body).records;
    expect([h, n, t]).toEqual([new Date(t).getUTCHours(), 1, expect.stringMatching(/T.*\.000\+0000$/)]);
  });

  it('deleted records are found by queryAll only', async () => {
    const id = await create({ Name: 'Binned' });
    await rest('DELETE', `/sobjects/Account/${id}`);
    const soql = encodeURIComponent(`SELECT Id, IsDeleted FROM Account WHERE Id = '${id}'`);
    expect((await rest('GET', `/query?q=${soql}`)).body).toMatchObject({ totalSize: 0, done: true });
    expect((await rest('GET', `/queryAll?q=${soql}`)).body).toMatchObject({
      records: [{ Id: id, IsDeleted: true }],
    });
  });

  it('an invalid query is refused with an error code', async () => {
    expect((await rest('GET', '/query?q=SELECT')).body).toEqual(refusal('MALFORMED_QUERY'));
    expect((await rest('GET', '/query')).body).toEqual(refusal('MALFORMED_QUERY'));
    expect((await rest('GET', '/query/0r8unknown-2000')).body).toEqual(refusal('INVALID_QUERY_LOCATOR'));
  });
});
