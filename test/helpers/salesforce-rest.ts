import type { Simulator } from 'salesforce-simulator';

export type SalesforceRest = {
  create(values: Record<string, unknown>): Promise<string>;
  update(id: string, values: Record<string, unknown>): Promise<void>;
  remove(id: string): Promise<void>;
  undelete(id: string): Promise<void>;
  read(id: string): Promise<Record<string, unknown>>;
  /** Collections: one transaction. */
  createMany(records: readonly Record<string, unknown>[]): Promise<string[]>;
};

/** What a person does in Salesforce, by Salesforce's own REST API. */
export function salesforceRest(simulator: Simulator): SalesforceRest {
  const base = `${simulator.instanceUrl}/services/data/v66.0`;
  const token = simulator.sessions.issue({ userId: simulator.org.named.admin.id, neverExpires: true });
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(
      path.startsWith('/simulator') ? `${simulator.instanceUrl}${path}` : `${base}${path}`,
      {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
    );
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    create: async (values) => ((await call('POST', '/sobjects/Account', values)) as { id: string }).id,
    update: async (id, values) => void (await call('PATCH', `/sobjects/Account/${id}`, values)),
    remove: async (id) => void (await call('DELETE', `/sobjects/Account/${id}`)),
    undelete: async (id) => void (await call('POST', '/simulator/undelete', { id })),
    read: async (id) => (await call('GET', `/sobjects/Account/${id}`)) as Record<string, unknown>,
    async createMany(records) {
      const typed = records.map((record) => ({ attributes: { type: 'Account' }, ...record }));
      const results = (await call('POST', '/composite/sobjects', { allOrNone: false, records: typed })) as {
        id: string;
        success: boolean;
      }[];
      return results.map(({ id }) => id);
    },
  };
}
