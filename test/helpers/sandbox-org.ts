import { type Org, type OrgOptions, openOrg } from '../../src/salesforce/org.ts';
import type { ReadPlan } from '../../src/salesforce/records.ts';
import { compileSchema, type WriterSchema } from '../../src/salesforce/writer-schema.ts';
import type { Caller, RecordValues, SaveResult } from '../../src/sandbox/model.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

export const accountTopic = '/data/AccountChangeEvent';

/** Signs in to a sandbox org by client credentials, unless told otherwise. */
export function openSandboxOrg(sandbox: Sandbox, options: Partial<OrgOptions> = {}): Promise<Org> {
  const { clientId, clientSecret } = sandbox.credentials;
  return openOrg({
    loginUrl: sandbox.instanceUrl,
    credentials: { flow: 'client-credentials', clientId, clientSecret },
    apiVersion: '66.0',
    pubsubEndpoint: sandbox.pubsubEndpoint,
    pubsubTls: false,
    ...options,
  });
}

/** The schema that the org's account events have now. */
export function currentSchema(sandbox: Sandbox): WriterSchema & { readonly id: string } {
  const id = sandbox.bus.topic(accountTopic)?.schemaId() ?? '';
  return { id, ...compileSchema(sandbox.bus.schema(id) ?? '') };
}

export function currentReadPlan(sandbox: Sandbox, org: Org): Promise<ReadPlan> {
  return org.readPlan(currentSchema(sandbox).entityFields.slice(1));
}

/** What a person does in the org; throws where the org refuses it. */
export function inOrg(sandbox: Sandbox): OrgActions {
  const { org } = sandbox;
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
