import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Org } from '../../src/salesforce/org.ts';
import { maxBatch, readCodes, writeCodes } from '../../src/salesforce/signup-codes.ts';
import { inOrg, openSimulatorOrg } from '../helpers/simulator-org.ts';

const field = 'SignUpCode__c';

describe('signup codes in Salesforce', () => {
  let simulator: Simulator;
  let org: Org;
  beforeAll(async () => {
    simulator = await startSimulator();
    org = await openSimulatorOrg(simulator);
  });
  afterAll(async () => {
    org.close();
    await simulator.close();
  });

  const create = (values = {}) => inOrg(simulator).create({ Name: 'Quill Ltd', ...values });
  const modified = (id: string) => simulator.org.record(id)?.values['SystemModstamp'];
  const held = (id: string) => simulator.org.record(id)?.values[field];

  it('reading gives the code of an account, no code, or no account', async () => {
    const [withCode, without, deleted] = [create({ [field]: 'CODE-READ' }), create(), create()];
    inOrg(simulator).delete(deleted);
    const codes = await readCodes(org.connection, field, [withCode, without, deleted]);
    expect(codes).toEqual(
      new Map([
        [withCode, { code: 'CODE-READ', systemModstamp: modified(withCode) }],
        [without, { code: null, systemModstamp: modified(without) }],
      ]),
    );
  });

  it('reading codes refuses a text that is not a record id', async () => {
    await expect(readCodes(org.connection, field, ["x') OR (Name != '"])).rejects.toThrow(
      /is not a record id/,
    );
  });

  it('codes are written independently with results in the order of the request', async () => {
    const [fine, deleted, other] = [create(), create(), create()];
    create({ [field]: 'CODE-TAKEN' });
    inOrg(simulator).delete(deleted);
    const results = await writeCodes(org.connection, field, [
      { id: fine, code: 'CODE-FINE' },
      { id: deleted, code: 'CODE-GONE' },
      { id: other, code: 'CODE-TAKEN' },
      { id: other, code: 'X'.repeat(100) },
    ]);
    expect(results).toMatchObject([
      { success: true },
      { success: false, code: 'ENTITY_IS_DELETED', message: 'entity is deleted' },
      { success: false, code: 'DUPLICATE_VALUE', message: expect.stringContaining('duplicate value found') },
      { success: false, code: 'STRING_TOO_LONG', fields: [field] },
    ]);
    expect([held(fine), held(other)]).toEqual(['CODE-FINE', undefined]);
  });

  it('two hundred codes are written at a time and repeating it does no harm', async () => {
    const writes = Array.from({ length: maxBatch }, (_, index) => ({ id: create(), code: `MANY-${index}` }));
    for (let time = 0; time < 2; time++) {
      const results = await writeCodes(org.connection, field, writes);
      expect(results.every(({ success }) => success)).toBe(true);
    }
    expect(writes.every(({ id, code }) => held(id) === code)).toBe(true);
  });

  it('the change event of a written code shows that it came from Tidemark', async () => {
    const id = create();
    await writeCodes(org.connection, field, [{ id, code: 'CODE-OURS' }]);
    const origin = Buffer.from(simulator.bus.retained().at(-1)?.event?.payload ?? []).toString('latin1');
    expect(origin).toContain(';client=Tidemark');
  });

  it('the call fails as a whole with an unknown outcome if the field does not exist', async () => {
    const id = create();
    await expect(readCodes(org.connection, 'Missing__c', [id])).rejects.toMatchObject({
      name: 'SalesforceError',
      code: 'INVALID_FIELD',
      failure: 'config',
    });
  });

  it.each([
    ['fewer results than records', [{ success: true }]],
    ['no list', { success: true }],
  ])('the call fails as a whole if the answer is %s', async (_, answer) => {
    const odd = Object.create(org.connection, {
      request: { value: async () => answer },
    }) as typeof org.connection;
    const writes = [
      { id: create(), code: 'A' },
      { id: create(), code: 'B' },
    ];
    await expect(writeCodes(odd, field, writes)).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      failure: 'transient',
    });
  });
});
