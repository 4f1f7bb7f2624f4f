import { describe, expect, it } from 'vitest';
import { mixedErrorOf } from '../../src/faults/record-faults.ts';
import { useFaultSimulator } from './fault-simulator.ts';

const handle = useFaultSimulator();
const { create, rest } = handle;
const refused = () => handle.simulator.faults.records.refused;

/** Writes a phone number to each and returns the error codes, null for success. */
async function write(ids: readonly string[], client = 'ExampleClient') {
  const records = ids.map((id) => ({ attributes: { type: 'Account' }, id, Phone: '1' }));
  const headers = { 'sforce-call-options': `client=${client}` };
  const { body, status } = await rest('PATCH', '/composite/sobjects', { allOrNone: false, records }, headers);
  expect(status).toBe(200);
  return Array.isArray(body) ? body.map(({ errors }) => errors[0]?.statusCode ?? null) : [];
}

describe('refused records of a collection', () => {
  it('every second record is locked once', async () => {
    const ids = [await create(), await create(), await create(), await create()];
    refused().on({ errorCode: 'UNABLE_TO_LOCK_ROW', everyNth: 2, oncePerRecord: true });
    expect(await write(ids)).toEqual([null, 'UNABLE_TO_LOCK_ROW', null, 'UNABLE_TO_LOCK_ROW']);
    refused().off();
    refused().on({ errorCode: 'UNABLE_TO_LOCK_ROW', oncePerRecord: true });
    expect(new Set(await write(ids))).toEqual(new Set(['UNABLE_TO_LOCK_ROW']));
    expect(new Set(await write(ids))).toEqual(new Set([null]));
  });

  it('records violate a rule by their name', async () => {
    const ids = [await create({ Name: 'Forbidden Ltd' }), await create({ Name: 'Allowed Ltd' })];
    refused().on({ errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', namePattern: '^Forb' });
    expect(await write(ids)).toEqual(['FIELD_CUSTOM_VALIDATION_EXCEPTION', null]);
    expect(await rest('POST', '/sobjects/Account', { Name: 'Forbidden too' })).toMatchObject({
      status: 400,
      body: [{ errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION' }],
    });
  });

  it.each([
    'DUPLICATE_VALUE',
    'ENTITY_IS_DELETED',
    'INSUFFICIENT_ACCESS_OR_READONLY',
    'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
    'STRING_TOO_LONG',
  ])('records are refused with %s by their id', async (errorCode) => {
    const ids = [await create(), await create()];
    refused().on({ errorCode, recordIds: ids.slice(1), times: 1 });
    expect(await write(ids)).toEqual([null, errorCode]);
    expect(await write(ids)).toEqual([null, null]);
  });

  it('records are refused to one client and for one field', async () => {
    const id = await create();
    refused().on({ errorCode: 'UNABLE_TO_LOCK_ROW', client: 'ExampleClient', field: 'Phone' });
    expect(await write([id])).toEqual(['UNABLE_TO_LOCK_ROW']);
    expect(await write([id], 'OtherClient')).toEqual([null]);
    expect((await rest('PATCH', `/sobjects/Account/${id}`, { Fax: '1' })).status).toBe(204);
  });

  it('a share of the records is refused, each for its own reason, the same ones for the same seed', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 60; n++) ids.push(await create());
    const mix = {
      share: 0.5,
      seed: 7,
      errors: [
        { errorCode: 'UNABLE_TO_LOCK_ROW', attempts: 1 },
        { errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION' },
      ],
    };
    const { mixed } = handle.simulator.faults.records;
    const on = mixed.on(mix);
    const first = await write(ids);
    expect(first).toEqual(ids.map((id) => mixedErrorOf(mix, id)?.errorCode ?? null));
    const kinds = Map.groupBy(first, (code) => code);
    expect(kinds.get(null)?.length).toBeGreaterThan(15);
    expect(kinds.get('UNABLE_TO_LOCK_ROW')?.length).toBeGreaterThan(5);
    // The lock errors have ended, the rule remains.
    expect(await write(ids)).toEqual(first.map((code) => (code === 'UNABLE_TO_LOCK_ROW' ? null : code)));
    on.off();
    expect(new Set(await write(ids))).toEqual(new Set([null]));
  });
});

describe('a trigger that throws', () => {
  it('a collection fails for every record when a trigger throws for its size, or for one account in it', async () => {
    const ids = [await create(), await create(), await create({ Name: 'Poison Ltd' })];
    const { trigger } = handle.simulator.faults.records;
    const limit = trigger.on({ maxRecords: 2 });
    expect(new Set(await write(ids))).toEqual(new Set(['CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY']));
    expect(await write(ids.slice(0, 2))).toEqual([null, null]);
    const upserts = ids.map((_, at) => ({
      attributes: { type: 'Account' },
      Name: 'Upserted',
      SignUpCode__c: `T${at}`,
    }));
    const upserted = await rest('PATCH', '/composite/sobjects/Account/SignUpCode__c', { records: upserts });
    expect(Object(upserted.body).map(({ success }: { success: boolean }) => success)).toEqual([
      false,
      false,
      false,
    ]);
    limit.off();
    trigger.on({ namePattern: '^Poison', cause: 'System.NullPointerException', client: 'ExampleClient' });
    expect(new Set(await write(ids))).toEqual(new Set(['CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY']));
    expect(await write(ids.slice(0, 2))).toEqual([null, null]);
    expect(await write(ids, 'OtherClient')).toEqual([null, null, null]);
  });
});

describe('a read-only window', () => {
  it('a read-only org refuses every write with the same error and allows reads', async () => {
    const id = await create();
    const { readOnly } = handle.simulator.faults.records;
    const window = readOnly.on();
    const code = 'INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE';
    expect(await write([id])).toEqual([code]);
    const answers = [
      await rest('POST', '/sobjects/Account', { Name: 'Too late' }),
      await rest('DELETE', `/sobjects/Account/${id}`),
    ];
    expect(answers).toMatchObject([{ body: [{ errorCode: code }] }, { body: [{ errorCode: code }] }]);
    expect((await rest('GET', `/sobjects/Account/${id}`)).status).toBe(200);
    window.off();
    expect(await write([id])).toEqual([null]);
  });
});
