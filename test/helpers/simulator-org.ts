import type { Simulator } from 'salesforce-simulator';
import type { Caller, RecordValues, SaveResult } from 'salesforce-simulator/org/model.ts';
import { type Org, type OrgOptions, openOrg } from '../../src/salesforce/org.ts';
import { planRead, type ReadPlan } from '../../src/salesforce/records.ts';
import { compileSchema, type WriterSchema } from '../../src/salesforce/writer-schema.ts';

export const accountTopic = '/data/AccountChangeEvent';

/** Signs in to a simulator by client credentials, by default. */
export function openSimulatorOrg(simulator: Simulator, options: Partial<OrgOptions> = {}): Promise<Org> {
  const { clientId, clientSecret } = simulator.credentials;
  return openOrg({
    loginUrl: simulator.instanceUrl,
    credentials: { flow: 'client-credentials', clientId, clientSecret },
    apiVersion: '66.0',
    pubsubEndpoint: simulator.pubsubEndpoint,
    pubsubTls: false,
    ...options,
  });
}

/** The schema that the org's account events have now. */
export function currentSchema(simulator: Simulator): WriterSchema & { readonly id: string } {
  const id = simulator.bus.topic(accountTopic)?.schemaId() ?? '';
  return { id, ...compileSchema(simulator.bus.schema(id) ?? '') };
}

export async function currentReadPlan(simulator: Simulator, org: Org): Promise<ReadPlan> {
  return planRead(currentSchema(simulator).entityFields.slice(1), await org.describe());
}

/** What a person does in the org; throws where the org refuses it. */
export function inOrg(simulator: Simulator): OrgActions {
  const { org } = simulator;
  const caller: Caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null };
  const idOf = (result: SaveResult): string => {
    if (result.success) return result.id;
    throw new Error(result.errors.map(({ statusCode, message }) => `${statusCode}: ${message}`).join('; '));
  };
  return {
    create: (values) => idOf(org.transaction(caller, (tx) => tx.insert(values))),
    createQuietly: (values) => idOf(org.transaction(caller, (tx) => tx.insert(values), 'nothing')),
    update: (id, values) => idOf(org.transaction(caller, (tx) => tx.update(id, values))),
    updateQuietly: (id, values) => idOf(org.transaction(caller, (tx) => tx.update(id, values), 'nothing')),
    delete: (id) => idOf(org.transaction(caller, (tx) => tx.delete(id))),
    deleteQuietly: (id) => idOf(org.transaction(caller, (tx) => tx.delete(id), 'nothing')),
  };
}

export type OrgActions = {
  create(values: RecordValues): string;
  /** Without a change event, as if it had been lost. */
  createQuietly(values: RecordValues): string;
  update(id: string, values: RecordValues): string;
  updateQuietly(id: string, values: RecordValues): string;
  delete(id: string): string;
  deleteQuietly(id: string): string;
};
