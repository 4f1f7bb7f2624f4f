import { describe, expect, it } from 'vitest';
import { textAt, useSimulator } from './open-simulator.ts';

const simulator = useSimulator();
const { rest } = simulator;

const create = async (values: Record<string, unknown>) =>
  textAt(await rest('POST', '/sobjects/Account', values), 'id');

const refusal = (errorCode: string) => [expect.objectContaining({ errorCode })];

describe('single accounts', () => {
  it('an account is created, read, changed and deleted', async () => {
    const created = await rest('POST', '/sobjects/Account', { Name: 'Acme', annualrevenue: 12.5 });
    expect(created.status).toBe(201);
    const id = textAt(created, 'id');
    expect(created.body).toEqual({ id, success: true, errors: [] });
    expect(created.headers.get('location')).toBe(`/services/data/v66.0/sobjects/Account/${id}`);

    const read = await rest('GET', `/sobjects/Account/${id}?fields=Name,AnnualRevenue,Phone,IsDeleted`);
    expect(read.body).toEqual({
      attributes: { type: 'Account', url: `/services/data/v66.0/sobjects/Account/${id}` },
      Name: 'Acme',
      AnnualRevenue: 12.5,
      Phone: null,
      IsDeleted: false,
    });

    const changed = await rest('PATCH', `/sobjects/Account/${id.slice(0, 15)}`, { Phone: '1', Name: 'B' });
    expect([changed.status, changed.body]).toEqual([204, '']);
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).toMatchObject({
      Id: id,
      Name: 'B',
      Phone: '1',
    });

    expect((await rest('DELETE', `/sobjects/Account/${id}`)).status).toBe(204);
    for (const [method, body] of [
      ['GET', undefined],
      ['PATCH', {}],
      ['DELETE', undefined],
    ] as const) {
      const gone = await rest(method, `/sobjects/Account/${id}`, body);
      expect([gone.status, gone.body]).toEqual([
        404,
        [{ errorCode: 'ENTITY_IS_DELETED', message: 'entity is deleted', fields: [] }],
      ]);
    }
  });

  it('times, dates and compound fields are shown as REST shows them', async () => {
    const id = await create({
      Name: 'Formats',
      SLAExpirationDate__c: '2026-11-23',
      BillingCity: 'Oslo',
      BillingPostalCode: '0150',
      BillingLatitude: 59.9,
    });
    const { body } = await rest('GET', `/sobjects/Account/${id}`);
    expect(body).toMatchObject({
      CreatedDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000$/),
      SLAExpirationDate__c: '2026-11-23',
      BillingAddress: {
        street: null,
        city: 'Oslo',
        state: null,
        postalCode: '0150',
        country: null,
        latitude: 59.9,
        longitude: null,
        geocodeAccuracy: null,
      },
      ShippingAddress: null,
    });
  });

  it('the org records who changed an account and through which client', async () => {
    const { org } = simulator.simulator;
    const admin = simulator.simulator.sessions.issue({ userId: org.named.admin.id });
    const answer = await rest(
      'POST',
      '/sobjects/Account',
      { Name: 'By admin' },
      {
        authorization: `Bearer ${admin}`,
        'sforce-call-options': 'defaultNamespace=x, client=ExampleClient',
      },
    );
    expect(org.record(textAt(answer, 'id'))?.values['CreatedById']).toBe(org.named.admin.id);
    const payload = simulator.simulator.bus.retained().at(-1)?.event?.payload ?? new Uint8Array();
    expect(Buffer.from(payload).toString('latin1')).toContain(
      'com/salesforce/api/rest/66.0;client=ExampleClient',
    );
  });

  it.each([
    ['a missing name', { Phone: '1' }, 'REQUIRED_FIELD_MISSING', ['Name']],
    ['an unknown field', { Name: 'x', Nope__c: 1 }, 'INVALID_FIELD', []],
    [
      'a read-only field',
      { Name: 'x', CreatedDate: '2026-01-01T00:00:00Z' },
      'INVALID_FIELD_FOR_INSERT_UPDATE',
      ['CreatedDate'],
    ],
    [
      'a compound field',
      { Name: 'x', BillingAddress: {} },
      'INVALID_FIELD_FOR_INSERT_UPDATE',
      ['BillingAddress'],
    ],
    ['a long text', { Name: 'x'.repeat(256) }, 'STRING_TOO_LONG', ['Name']],
  ])('a new account is refused because of %s', async (_case, values, errorCode, fields) => {
    const { status, body } = await rest('POST', '/sobjects/Account', values);
    expect([status, body]).toEqual([400, [{ errorCode, message: expect.any(String), fields }]]);
  });

  it.each([
    { SLAExpirationDate__c: '2026-02-30' },
    { SLAExpirationDate__c: 'soon' },
    { SLAExpirationDate__c: 5 },
    { AnnualRevenue: 'much' },
    { AnnualRevenue: true },
    { NumberOfEmployees: 1.5 },
    { Phone: { number: '1' } },
    { Phone: ['1'] },
  ])('the value %j is refused for its type', async (values) => {
    const { status, body } = await rest('POST', '/sobjects/Account', { Name: 'x', ...values });
    expect([status, body]).toEqual([400, refusal('JSON_PARSER_ERROR')]);
  });

  it('a code that another account has is refused and the account is named', async () => {
    const holder = await create({ Name: 'Holder', SignUpCode__c: 'TAKEN' });
    const id = await create({ Name: 'Late' });
    const { status, body } = await rest('PATCH', `/sobjects/Account/${id}`, { SignUpCode__c: 'TAKEN' });
    expect([status, body]).toEqual([
      400,
      [
        {
          errorCode: 'DUPLICATE_VALUE',
          message: `duplicate value found: SignUpCode__c duplicates value on record with id: ${holder.slice(0, 15)}`,
          fields: expect.any(Array),
        },
      ],
    ]);
  });

  it('an account that was modified since is not changed', async () => {
    const id = await create({ Name: 'Contended' });
    const path = `/sobjects/Account/${id}`;
    const before = await rest(
      'PATCH',
      path,
      { Phone: '1' },
      {
        'if-unmodified-since': 'Mon, 23 Nov 2020 08:00:00 GMT',
      },
    );
    expect(before.status).toBe(412);
    const after = await rest(
      'PATCH',
      path,
      { Phone: '1' },
      {
        'if-unmodified-since': new Date(Date.now() + 60_000).toUTCString(),
      },
    );
    expect(after.status).toBe(204);
  });
});

describe('accounts by external id', () => {
  it('an account is upserted and read by its external id', async () => {
    const path = '/sobjects/Account/SignUpCode__c/EXT%2F1';
    const created = await rest('PATCH', path, { Name: 'Ext' });
    expect([created.status, created.body]).toMatchObject([201, { success: true, created: true, errors: [] }]);
    const updated = await rest('PATCH', path, { Phone: '2' });
    const id = textAt(created, 'id');
    expect([updated.status, updated.body]).toEqual([200, { id, success: true, created: false, errors: [] }]);
    expect((await rest('GET', `${path}?fields=Id,Phone`)).body).toMatchObject({ Id: id, Phone: '2' });
  });

  it('an upsert refuses the id in the body, an unknown value and a field that is not an external id', async () => {
    const path = '/sobjects/Account/SignUpCode__c/EXT2';
    expect((await rest('PATCH', path, { SignUpCode__c: 'EXT2' })).body).toEqual(refusal('INVALID_FIELD'));
    expect((await rest('GET', path)).status).toBe(404);
    const { body } = await rest('GET', `/sobjects/Account/SignUpCode__c/${'x'.repeat(500)}`);
    expect(body).toMatchObject([
      { message: 'Provided external ID field value does not exist: SignUpCode__c' },
    ]);
    expect((await rest('GET', '/sobjects/Account/Name/Ext')).body).toEqual(refusal('NOT_FOUND'));
  });

  it('a deleted account is not found by its external id', async () => {
    const id = await create({ Name: 'Gone', SignUpCode__c: 'GONE' });
    await rest('DELETE', `/sobjects/Account/${id}`);
    expect((await rest('GET', '/sobjects/Account/SignUpCode__c/GONE')).status).toBe(404);
  });

  it('an external id that several accounts have is answered with 300 and their URLs', async () => {
    simulator.simulator.org.addField({ name: 'Region__c', type: 'string', length: 10, externalId: true });
    const ids = [await create({ Name: 'R1', Region__c: 'N' }), await create({ Name: 'R2', Region__c: 'N' })];
    for (const answer of [
      await rest('GET', '/sobjects/Account/Region__c/N'),
      await rest('PATCH', '/sobjects/Account/Region__c/N', { Phone: '1' }),
    ]) {
      const urls = ids.map((id) => `/services/data/v66.0/sobjects/Account/${id}`);
      expect([answer.status, answer.body]).toEqual([300, urls]);
    }
  });
});
