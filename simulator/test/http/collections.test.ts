import { describe, expect, it } from 'vitest';
import { type Answer, useSimulator } from './open-simulator.ts';

const simulator = useSimulator();
const { rest } = simulator;

const attributes = { type: 'Account' };
const accounts = (count: number, name = 'c') =>
  Array.from({ length: count }, (_, at) => ({ attributes, Name: `${name}${at}` }));

const results = ({ body }: Answer): readonly Result[] => {
  if (!Array.isArray(body)) throw new Error(`no results: ${JSON.stringify(body)}`);
  return body;
};
const idsOf = (answer: Answer) => results(answer).map(({ id }) => id ?? '');
const createMany = async (count: number) =>
  idsOf(await rest('POST', '/composite/sobjects', { records: accounts(count) }));
const fails = (statusCode: string) => ({ success: false, errors: [expect.objectContaining({ statusCode })] });

describe('sObject Collections', () => {
  it('a collection creates 200 accounts in one transaction', async () => {
    const answer = await rest('POST', '/composite/sobjects', { records: accounts(200) });
    expect(answer.status).toBe(200);
    const ids = idsOf(answer);
    expect(new Set(ids).size).toBe(200);
    const names = ids.map((id) => simulator.simulator.org.record(id)?.values['Name']);
    expect(names).toEqual(accounts(200).map(({ Name }) => Name));
  });

  it('a collection answers mixed results in the order of the request', async () => {
    const [first = '', second = '', third = ''] = await createMany(3);
    await rest('DELETE', `/sobjects/Account/${second}`);
    const answer = await rest('PATCH', '/composite/sobjects', {
      allOrNone: false,
      records: [
        { attributes, id: first, SignUpCode__c: 'ONE' },
        { attributes, id: second, SignUpCode__c: 'TWO' },
        { attributes, Id: third, SignUpCode__c: 'ONE' },
        { attributes, id: '001000000000000AAA', Phone: '1' },
        { attributes, Phone: '1' },
        { id: first, Phone: '1' },
        { attributes: { type: 'Lead' }, id: first, Phone: '1' },
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject([
      { id: first, success: true, errors: [] },
      fails('ENTITY_IS_DELETED'),
      fails('DUPLICATE_VALUE'),
      fails('INVALID_CROSS_REFERENCE_KEY'),
      fails('MISSING_ARGUMENT'),
      fails('MISSING_ARGUMENT'),
      fails('INVALID_TYPE'),
    ]);
    expect(results(answer)[1]).not.toHaveProperty('errors.0.errorCode');
  });

  it('one failure with allOrNone undoes the whole collection', async () => {
    const { bus, org } = simulator.simulator;
    const ids = await createMany(2);
    const before = bus.retained().length;
    const records = [
      { attributes, id: ids[0], Phone: '1' },
      { attributes, id: ids[1], Name: '' },
    ];
    const answer = await rest('PATCH', '/composite/sobjects', { allOrNone: true, records });
    expect(answer.body).toMatchObject([
      { id: ids[0], ...fails('ALL_OR_NONE_OPERATION_ROLLED_BACK') },
      fails('REQUIRED_FIELD_MISSING'),
    ]);
    expect(org.record(ids[0] ?? '')?.values['Phone']).toBeUndefined();
    expect(bus.retained()).toHaveLength(before);
  });

  it('a collection upserts by an external id', async () => {
    const path = '/composite/sobjects/Account/SignUpCode__c';
    const upsert = (Phone: string) =>
      rest('PATCH', path, {
        records: [
          { attributes, SignUpCode__c: 'U1', Name: 'u1', Phone },
          { attributes, Name: 'no code' },
        ],
      });
    const [created, missing] = results(await upsert('1'));
    expect(created).toMatchObject({ success: true, created: true });
    expect(missing).toMatchObject(fails('MISSING_ARGUMENT'));
    expect(results(await upsert('2'))[0]).toEqual({
      id: created?.id,
      success: true,
      created: false,
      errors: [],
    });
  });

  it('a collection deletes by ids', async () => {
    const ids = await createMany(2);
    const mixed = await rest('DELETE', `/composite/sobjects?ids=${ids[0]},001000000000000AAA`);
    expect(mixed.body).toMatchObject([{ id: ids[0], success: true }, fails('INVALID_CROSS_REFERENCE_KEY')]);
    const all = await rest('DELETE', `/composite/sobjects?allOrNone=true&ids=${ids[1]},${ids[0]}`);
    expect(all.body).toMatchObject([fails('ALL_OR_NONE_OPERATION_ROLLED_BACK'), fails('ENTITY_IS_DELETED')]);
    expect(simulator.simulator.org.record(ids[1] ?? '')?.isDeleted).toBe(false);
  });

  it('a collection reads by ids and answers null for missing records', async () => {
    const [id = ''] = await createMany(1);
    const expected = [expect.objectContaining({ Id: id, Name: 'c0' }), null];
    const ids = [id, '001000000000000AAA'];
    const read = await rest('GET', `/composite/sobjects/Account?ids=${ids}&fields=Id,Name`);
    expect(read.body).toEqual(expected);
    const posted = await rest('POST', '/composite/sobjects/Account', { ids, fields: ['Id', 'Name'] });
    expect(posted.body).toEqual(expected);
  });

  it.each([
    ['no body', undefined, 'JSON_PARSER_ERROR'],
    ['no records', {}, 'JSON_PARSER_ERROR'],
    ['an empty list', { records: [] }, 'MISSING_ARGUMENT'],
    ['201 records', { records: accounts(201) }, 'EXCEEDED_ID_LIMIT'],
    ['a record that is none', { records: ['x'] }, 'JSON_PARSER_ERROR'],
  ])('a collection refuses a request with %s', async (_case, body, errorCode) => {
    const { status, body: answer } = await rest('POST', '/composite/sobjects', body);
    expect([status, answer]).toEqual([400, [expect.objectContaining({ errorCode })]]);
  });
});

type Result = { readonly id?: string; readonly success: boolean };
