import type { Connection } from 'jsforce';
import { defaultTiming, type Timing } from '../timing.ts';
import { type ApiBudget, createApiBudget } from './api-budget.ts';
import { restAnswer } from './deadline.ts';
import { withFreshToken } from './fresh-token.ts';
import { createPubSubClient, type PubSubClient } from './pubsub-client.ts';
import { describeAccount, identify, planRead, type ReadPlan } from './records.ts';
import { type ConnectionOptions, connect } from './sign-in.ts';
import type { SchemaField } from './writer-schema.ts';

export type OrgOptions = ConnectionOptions & {
  /** Host and port of the Pub/Sub API. */
  readonly pubsubEndpoint: string;
  readonly pubsubTls: boolean;
  readonly certificateAuthority?: string;
  /** Share of the daily API requests that resyncs and write-backs leave to others, in percent. */
  readonly reservePercent?: number;
  readonly timing?: Partial<Timing>;
};

/** A Salesforce org that we are signed in to, with both of its doors. */
export type Org = {
  readonly connection: Connection;
  readonly pubsub: PubSubClient;
  readonly budget: ApiBudget;
  /** 18 characters. */
  readonly organizationId: string;
  readonly userId: string;
  /** Makes sure that the token is good: a call that meets an expired one has it replaced. @throws SalesforceError */
  renewToken(): Promise<void>;
  /** How to read accounts so that they have these fields; asks Salesforce which of them exist. */
  readPlan(mirrored: readonly SchemaField[]): Promise<ReadPlan>;
  close(): void;
};

/** @throws SalesforceError where signing in fails */
export async function openOrg(options: OrgOptions): Promise<Org> {
  const timing = { ...defaultTiming, ...options.timing };
  const connection = await connect(options);
  const { organizationId, userId } = await identify(connection);
  const pubsub = createPubSubClient({
    endpoint: options.pubsubEndpoint,
    tls: options.pubsubTls,
    ...(options.certificateAuthority === undefined
      ? {}
      : { certificateAuthority: options.certificateAuthority }),
    timing,
    identity: () => ({
      accessToken: connection.accessToken ?? '',
      instanceUrl: connection.instanceUrl,
      organizationId,
    }),
  });
  const renewToken = async (): Promise<void> => {
    await restAnswer(connection.request('/limits'), 60_000, 'limits');
  };
  return {
    connection,
    pubsub: withFreshToken(pubsub, renewToken),
    budget: createApiBudget(connection, {
      reservePercent: options.reservePercent ?? 20,
      pollIntervalMs: timing.apiBudgetPollIntervalMs,
    }),
    organizationId,
    userId,
    renewToken,
    async readPlan(mirrored) {
      return planRead(mirrored, await describeAccount(connection));
    },
    close: () => pubsub.close(),
  };
}
