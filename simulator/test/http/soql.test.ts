import { describe, expect, it } from 'vitest';
import { QueryError } from '../../src/http/soql/query-error.ts';
import { runQuery } from '../../src/http/soql/run-query.ts';
import type { Caller, RecordValues } from '../../src/org/model.ts';
import { createOrg } from '../../src/org/org.ts';

const start = Date.UTC(2026, 10, 23, 8);

const orgOf = (accounts: readonly RecordValues[]) => {
  let time = start;
  const org = createOrg({ now: () => time });
  const caller: Caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null };
  const ids = accounts.map((values) => {
    const result = org.transaction(caller, (tx) => tx.insert(values));
    if (!result.success) throw new Error(JSON.stringify(result.errors));
    time += 1000;
    return result.id;
  });
  const remove = (id: string) => org.transaction(caller, (tx) => tx.delete(id));
  const query = (text: string, includeDeleted = false) => runQuery(org, text, { includeDeleted, now: start });
  const names = (text: string, includeDeleted = false) => {
    const result = query(text, includeDeleted);
    return result.kind === 'rows' ? result.records.map(({ values }) => values['Name']) : result;
  };
  return { org, ids, names, query, remove };
};

const companies = () =>
  orgOf([
    { Name: 'Acme', Industry: 'Energy', AnnualRevenue: 100, BillingCity: 'Oslo', SignUpCode__c: 'aB' },
    { Name: 'beta_corp', Industry: 'energy', AnnualRevenue: 50.5, NumberOfEmployees: 7 },
    { Name: "Conan O'Brien", AnnualRevenue: -3, SLAExpirationDate__c: start - (start % 86_400_000) },
    { Name: '100% "Délta"', Industry: 'Retail', SignUpCode__c: 'AB' },
  ]);

const refusal = (run: () => unknown): QueryError => {
  try {
    run();
  } catch (error) {
    if (error instanceof QueryError) return error;
    throw error;
  }
  throw new Error('the query was not refused');
};

describe('fields of parents', () => {
  it('a query filters, sorts and groups by fields of parents', () => {
    const { ids, names, org, query } = companies();
    const caller: Caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null };
    const [acme = '', beta = '', conan = ''] = ids;
    org.transaction(caller, (tx) => {
      tx.update(beta, { ParentId: acme });
      tx.update(conan, { ParentId: beta, OwnerId: org.named.integration.id });
    });
    expect(names("SELECT Id FROM Account WHERE Parent.Parent.Name = 'acme'")).toEqual(["Conan O'Brien"]);
    expect(names('SELECT Id FROM Account WHERE Parent.Name != null ORDER BY parent.name DESC')).toEqual([
      "Conan O'Brien",
      'beta_corp',
    ]);
    expect(names(`SELECT Id FROM Account WHERE Owner.Id = '${org.named.integration.id}'`)).toHaveLength(1);
    expect(
      query('SELECT Owner.Name, COUNT(Id) FROM Account GROUP BY Owner.Name ORDER BY Owner.Name'),
    ).toMatchObject({
      rows: [
        [{ name: 'Name', value: 'Integration User' }, { value: 1 }],
        [{ name: 'Name', value: 'Simulator Admin' }, { value: 3 }],
      ],
    });
    org.transaction(caller, (tx) => tx.delete(acme));
    expect(names("SELECT Id FROM Account WHERE Parent.Name = 'Acme'")).toEqual([]);
  });
});

describe('SOQL conditions', () => {
  const { names, ids, org } = companies();
  const where = (condition: string) => names(`SELECT Name FROM Account WHERE ${condition}`);

  it.each([
    ["Name = 'ACME'", ['Acme']],
    ["name != 'acme'", ['beta_corp', "Conan O'Brien", '100% "Délta"']],
    ["Name <> 'acme' AND AnnualRevenue > 0", ['beta_corp']],
    ["Name = 'Conan O\\'Brien'", ["Conan O'Brien"]],
    ["Industry = 'Energy'", ['Acme', 'beta_corp']],
    ['Industry = null', ["Conan O'Brien"]],
    ['Industry != null', ['Acme', 'beta_corp', '100% "Délta"']],
    ["Industry = ''", ["Conan O'Brien"]],
    ["Industry NOT IN ('Energy')", ["Conan O'Brien", '100% "Délta"']],
    ["Industry IN ('retail', 'x')", ['100% "Délta"']],
    ["NOT Industry = 'Energy'", ["Conan O'Brien", '100% "Délta"']],
    ['AnnualRevenue >= 50.5', ['Acme', 'beta_corp']],
    ['AnnualRevenue < 50.5', ["Conan O'Brien"]],
    ['AnnualRevenue = -3', ["Conan O'Brien"]],
    ['AnnualRevenue <= 1e2', ['Acme', 'beta_corp', "Conan O'Brien"]],
    ['IsDeleted = false', ['Acme', 'beta_corp', "Conan O'Brien", '100% "Délta"']],
    ['IsDeleted = TRUE', []],
    ["Name LIKE 'a%'", ['Acme']],
    ["Name LIKE '%CORP'", ['beta_corp']],
    ["Name LIKE '%\\_%'", ['beta_corp']],
    ["Name LIKE 'Acm_'", ['Acme']],
    ["Name LIKE '100\\% %'", ['100% "Délta"']],
    ["(NOT Name LIKE 'A%') AND Name LIKE '%délta%'", ['100% "Délta"']],
    ['AnnualRevenue > null', []],
    ["SignUpCode__c LIKE 'A_'", ['100% "Délta"']],
    ["SignUpCode__c = 'AB'", ['100% "Délta"']],
    ["Name > 'b' AND Name < 'c'", ['beta_corp']],
    ["(Name = 'Acme' OR Name = 'beta_corp') AND AnnualRevenue < 100", ['beta_corp']],
    ["Name = 'Acme' OR (Industry = 'Energy' AND AnnualRevenue < 100)", ['Acme', 'beta_corp']],
    ['SLAExpirationDate__c = 2026-11-23', ["Conan O'Brien"]],
    ['SLAExpirationDate__c = TODAY', ["Conan O'Brien"]],
    ['SLAExpirationDate__c = YESTERDAY', []],
    ['CreatedDate = LAST_N_DAYS:1', ['Acme', 'beta_corp', "Conan O'Brien", '100% "Délta"']],
    ['SystemModstamp > 2026-11-23T08:00:01Z', ["Conan O'Brien", '100% "Délta"']],
    ['SystemModstamp <= 2026-11-23T09:00:00.000+01:00', ['Acme']],
    ['SystemModstamp <= 2026-11-23T09:00:00+0100', ['Acme']],
    ["account.BillingCity = 'oslo'", ['Acme']],
  ])('the condition %s selects the expected accounts', (condition, expected) => {
    expect(where(condition)).toEqual(expected);
  });

  it('ids of 15 and of 18 characters are the same', () => {
    const [first = '', second = ''] = ids;
    expect(where(`Id = '${first.slice(0, 15)}'`)).toEqual(['Acme']);
    expect(where(`Id IN ('${first}', '${second.slice(0, 15)}', '001000000000000AAA')`)).toEqual([
      'Acme',
      'beta_corp',
    ]);
    expect(where(`OwnerId = '${org.named.admin.id}' AND Name < 'b'`)).toEqual(['Acme', '100% "Délta"']);
    expect(where(`Id = '${first}' AND Name = 'other'`)).toEqual([]);
    expect(where(`Id > '${first}' AND Id <= '${second}'`)).toEqual(['beta_corp']);
  });

  it('keyset pagination loses no rows of the same second', () => {
    const { names: page } = orgOf(Array.from({ length: 5 }, (_, at) => ({ Name: `n${at}` })));
    const keyset = (id: string) =>
      `SELECT Name FROM Account WHERE (SystemModstamp > 2026-11-23T08:00:01Z OR (SystemModstamp = 2026-11-23T08:00:01Z AND Id > '${id}')) ORDER BY SystemModstamp, Id LIMIT 2`;
    expect(page(keyset('001000000000000'))).toEqual(['n1', 'n2']);
    expect(page(keyset('001zzzzzzzzzzzz'))).toEqual(['n2', 'n3']);
  });
});

describe('SOQL order and limits', () => {
  const { names } = companies();

  it.each([
    ['ORDER BY Name', ['100% "Délta"', 'Acme', 'beta_corp', "Conan O'Brien"]],
    ['ORDER BY Name DESC', ["Conan O'Brien", 'beta_corp', 'Acme', '100% "Délta"']],
    ['ORDER BY AnnualRevenue', ['100% "Délta"', "Conan O'Brien", 'beta_corp', 'Acme']],
    ['ORDER BY AnnualRevenue ASC NULLS LAST', ["Conan O'Brien", 'beta_corp', 'Acme', '100% "Délta"']],
    ['ORDER BY AnnualRevenue DESC NULLS LAST', ['Acme', 'beta_corp', "Conan O'Brien", '100% "Délta"']],
    ['ORDER BY Industry NULLS LAST, Name DESC', ['beta_corp', 'Acme', '100% "Délta"', "Conan O'Brien"]],
    ['ORDER BY Name LIMIT 2', ['100% "Délta"', 'Acme']],
    ['ORDER BY Name LIMIT 2 OFFSET 3', ["Conan O'Brien"]],
    ['LIMIT 0', []],
  ])('the clause %s gives the expected accounts in order', (clauses, expected) => {
    expect(names(`SELECT Name FROM Account ${clauses}`)).toEqual(expected);
  });
});

it('a short page is the beginning of the whole order', () => {
  const { names } = orgOf(
    Array.from({ length: 60 }, (_, at) => ({ Name: `n${(at * 37) % 60}`, Site: `${at % 3}` })),
  );
  const whole = names('SELECT Name FROM Account ORDER BY Site DESC');
  for (const count of [1, 2, 7, 29, 30, 31, 59, 60, 61]) {
    const page = names(`SELECT Name FROM Account ORDER BY Site DESC LIMIT ${count}`);
    expect(page).toEqual(Array.isArray(whole) && whole.slice(0, count));
  }
});

describe('SOQL field lists', () => {
  it('fields are returned in the requested order, whatever their case', () => {
    const result = companies().query('select id, NAME , account.Phone from account limit 1');
    expect(result.kind === 'rows' && result.fields.map(({ name }) => name)).toEqual(['Id', 'Name', 'Phone']);
  });

  it('FIELDS(ALL) is expanded if there is a limit', () => {
    const { org, query } = companies();
    const all = query('SELECT FIELDS(ALL) FROM Account LIMIT 200');
    expect(all.kind === 'rows' && all.fields).toEqual(org.fields());
    const custom = query('SELECT Id, FIELDS(CUSTOM) FROM Account LIMIT 1');
    expect(custom.kind === 'rows' && custom.fields.slice(1).every((field) => field.custom)).toBe(true);
  });

  it('counts and aggregates are computed', () => {
    const { query } = companies();
    expect(query('SELECT COUNT() FROM Account WHERE AnnualRevenue > 0')).toEqual({
      kind: 'count',
      totalSize: 2,
    });
    const result = query(
      'SELECT COUNT(Id), MAX(AnnualRevenue) top, MIN(Name), SUM(AnnualRevenue), AVG(NumberOfEmployees), COUNT_DISTINCT(Industry) FROM Account',
    );
    const values = result.kind === 'aggregate' && result.rows[0]?.map(({ name, value }) => [name, value]);
    expect(values).toEqual([
      ['expr0', 4],
      ['top', 100],
      ['expr1', '100% "Délta"'],
      ['expr2', 147.5],
      ['expr3', 7],
      ['expr4', 2],
    ]);
  });

  it('deleted records are hidden from query and shown to queryAll', () => {
    const { ids, names, remove } = companies();
    remove(ids[0] ?? '');
    const text = `SELECT Name FROM Account WHERE Id = '${ids[0]}'`;
    expect(names(text)).toEqual([]);
    expect(names(text, true)).toEqual(['Acme']);
    expect(names('SELECT Name FROM Account WHERE IsDeleted = true', true)).toEqual(['Acme']);
  });
});

describe('SOQL groups', () => {
  const rows = (query: ReturnType<typeof orgOf>['query'], text: string) => {
    const result = query(text);
    if (result.kind !== 'aggregate') throw new Error(`${result.kind} instead of groups`);
    return result.rows.map((row) => Object.fromEntries(row.map(({ name, value }) => [name, value])));
  };

  it('groups are formed by parts of a date in UTC with several aggregates each', () => {
    const late = Date.UTC(2026, 11, 31);
    const dates = [late, late + 86_400_000, late, null].map((SLAExpirationDate__c, at) => ({
      Name: `n${at}`,
      SLAExpirationDate__c,
    }));
    const { query } = orgOf(dates);
    const text = `SELECT CALENDAR_YEAR(SLAExpirationDate__c) y, CALENDAR_MONTH(SLAExpirationDate__c) m,
      DAY_IN_MONTH(SLAExpirationDate__c), COUNT(Id) c, MAX(LastModifiedDate) t FROM Account
      GROUP BY CALENDAR_YEAR(SLAExpirationDate__c), CALENDAR_MONTH(SLAExpirationDate__c), DAY_IN_MONTH(SLAExpirationDate__c)`;
    expect(rows(query, text)).toEqual([
      { y: 2026, m: 12, expr0: 31, c: 2, t: start + 2000 },
      { y: 2027, m: 1, expr0: 1, c: 1, t: start + 1000 },
      { y: null, m: null, expr0: null, c: 1, t: start + 3000 },
    ]);
    const hours =
      'SELECT HOUR_IN_DAY(CreatedDate) h, COUNT(Id) c FROM Account GROUP BY HOUR_IN_DAY(CreatedDate)';
    expect(rows(query, hours)).toEqual([{ h: 8, c: 4 }]);
    expect(rows(query, `${hours.replace(' GROUP', " WHERE Name = 'no one' GROUP")}`)).toEqual([]);
  });

  it('groups are formed by fields regardless of case and can be ordered and limited', () => {
    const { query } = companies();
    const text = 'SELECT Industry, COUNT(Id) c FROM Account GROUP BY Industry ORDER BY';
    expect(rows(query, `${text} COUNT(Id) DESC, Industry NULLS LAST`)).toEqual([
      { Industry: 'Energy', c: 2 },
      { Industry: 'Retail', c: 1 },
      { Industry: null, c: 1 },
    ]);
    expect(rows(query, `${text} Industry DESC NULLS LAST LIMIT 1`)).toEqual([{ Industry: 'Retail', c: 1 }]);
    expect(rows(query, 'SELECT Industry i FROM Account GROUP BY Industry, OwnerId')).toHaveLength(3);
  });

  it('groups count every record once', () => {
    const org = createOrg();
    org.seed(3000, 4);
    const run = (text: string) => runQuery(org, text, { includeDeleted: false, now: start });
    const keys = ['CALENDAR_YEAR', 'CALENDAR_MONTH', 'DAY_IN_MONTH'].map((fn) => `${fn}(LastModifiedDate)`);
    const text = `SELECT COUNT(Id) FROM Account GROUP BY ${keys.slice(0, 2).join()}`;
    const counts = rows(run, text).map(({ expr0 }) => Number(expr0));
    expect(counts.length).toBeGreaterThan(50);
    expect(counts.reduce((sum, count) => sum + count)).toBe(3000);
    const byId = 'SELECT Id, COUNT(Name) FROM Account GROUP BY Id';
    expect(refusal(() => run(byId)).errorCode).toBe('EXCEEDED_ID_LIMIT');
    expect(rows(run, `${byId} LIMIT 2000`)).toHaveLength(2000);
  });
});

describe('SOQL errors', () => {
  const { query } = companies();

  it.each([
    ['', 'MALFORMED_QUERY'],
    ['SELECT FROM Account', 'MALFORMED_QUERY'],
    ['SELECT Id Account', 'MALFORMED_QUERY'],
    ['SELECT Id FROM Account WHERE', 'MALFORMED_QUERY'],
    ["SELECT Id FROM Account WHERE Name = 'open", 'MALFORMED_QUERY'],
    ["SELECT Id FROM Account WHERE Name = 'bad \\q'", 'MALFORMED_QUERY'],
    ["SELECT Id FROM Account WHERE Name = 'a' AND Phone = 'b' OR Fax = 'c'", 'MALFORMED_QUERY'],
    ['SELECT Id FROM Account WHERE CreatedDate > 2026-02-30T00:00:00Z', 'MALFORMED_QUERY'],
    ['SELECT Id FROM Account LIMIT -1', 'MALFORMED_QUERY'],
    ['SELECT Id FROM Account LIMIT 1 extra', 'MALFORMED_QUERY'],
    ['SELECT Id; DROP', 'MALFORMED_QUERY'],
    ['SELECT FIELDS(ALL) FROM Account', 'MALFORMED_QUERY'],
    ['SELECT FIELDS(ALL) FROM Account LIMIT 201', 'MALFORMED_QUERY'],
    ['SELECT Name, COUNT(Id) FROM Account', 'MALFORMED_QUERY'],
    ['SELECT Name, COUNT(Id) FROM Account GROUP BY Industry', 'MALFORMED_QUERY'],
    ['SELECT COUNT(Industry) FROM Account GROUP BY Industry', 'MALFORMED_QUERY'],
    ['SELECT CALENDAR_YEAR(CreatedDate) FROM Account', 'MALFORMED_QUERY'],
    [
      'SELECT CALENDAR_YEAR(CreatedDate) FROM Account GROUP BY CALENDAR_MONTH(CreatedDate)',
      'MALFORMED_QUERY',
    ],
    ['SELECT COUNT() FROM Account GROUP BY Industry', 'MALFORMED_QUERY'],
    ['SELECT Industry i, COUNT(Id) i FROM Account GROUP BY Industry', 'MALFORMED_QUERY'],
    ['SELECT Id i FROM Account', 'MALFORMED_QUERY'],
    ['SELECT Id FROM Account ORDER BY MAX(Name)', 'MALFORMED_QUERY'],
    ['SELECT COUNT(Id) FROM Account GROUP BY MAX(Name)', 'MALFORMED_QUERY'],
    ['SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(Industry)', 'MALFORMED_QUERY'],
    ['SELECT COUNT(Id) FROM Account GROUP BY Industry HAVING COUNT(Id) > 1', 'MALFORMED_QUERY'],
    ['SELECT COUNT(Id) FROM Account GROUP BY CreatedDate', 'INVALID_FIELD'],
    ['SELECT COUNT(Id) FROM Account GROUP BY CALENDAR_YEAR(Name)', 'INVALID_FIELD'],
    ['SELECT COUNT(Id) FROM Account GROUP BY HOUR_IN_DAY(SLAExpirationDate__c)', 'INVALID_FIELD'],
    [`SELECT Id FROM Account WHERE ${'('.repeat(500)}Name = 'a'${')'.repeat(500)}`, 'MALFORMED_QUERY'],
    [`SELECT Id FROM Account WHERE ${'NOT '.repeat(5000)}Name = 'a'`, 'MALFORMED_QUERY'],
    ['SELECT Id, Id FROM Account', 'INVALID_FIELD'],
    ['SELECT Nope__c FROM Account', 'INVALID_FIELD'],
    ['SELECT Nope.Name FROM Account', 'INVALID_FIELD'],
    ['SELECT Owner.Nope FROM Account', 'INVALID_FIELD'],
    ['SELECT Parent.BillingAddress FROM Account', 'INVALID_FIELD'],
    ['SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account', 'INVALID_FIELD'],
    ['SELECT Owner.Name, owner.name FROM Account', 'INVALID_FIELD'],
    ['SELECT Id FROM Account ORDER BY Nope', 'INVALID_FIELD'],
    ["SELECT Id FROM Account WHERE Description = 'x'", 'INVALID_FIELD'],
    ["SELECT Id FROM Account WHERE BillingAddress = 'x'", 'INVALID_FIELD'],
    ['SELECT Id FROM Account WHERE Name = 5', 'INVALID_FIELD'],
    ["SELECT Id FROM Account WHERE AnnualRevenue = '5'", 'INVALID_FIELD'],
    ["SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'", 'INVALID_FIELD'],
    ['SELECT Id FROM Account WHERE CreatedDate > 2026-01-01', 'INVALID_FIELD'],
    ["SELECT Id FROM Account WHERE IsDeleted = 'true'", 'INVALID_FIELD'],
    ["SELECT Id FROM Account WHERE Id = 'short'", 'INVALID_QUERY_FILTER_OPERATOR'],
    ['SELECT Id FROM Lead', 'INVALID_TYPE'],
  ])('the query %s is refused', (text, errorCode) => {
    expect(refusal(() => query(text)).errorCode).toBe(errorCode);
  });

  it('an error names the row and the column of the mistake', () => {
    const { message } = refusal(() => query('SELECT Id\nFROM Account WHERE Nope = 1'));
    expect(message).toContain(
      '\nFROM Account WHERE Nope = 1\n                   ^\nERROR at Row:2:Column:20\n',
    );
  });
});
