import type { Connection } from 'jsforce';
import { directEgress } from '../egress/egress.ts';
import { defaultTiming, type Timing } from '../timing.ts';
import { type ApiBudget, createApiBudget } from './api-budget.ts';
import { SalesforceError, withDetails } from './error.ts';
import { withFreshToken } from './fresh-token.ts';
import { createPubSubClient, type PubSubClient } from './pubsub-client.ts';
import { type DescribedField, describeAccount, identify } from './records.ts';
import type { RestTransport } from './rest-transport.ts';
import { type ConnectionOptions, connect } from './sign-in.ts';

export type OrgOptions = ConnectionOptions & {
  /** Host and port of the Pub/Sub API. */
  readonly pubsubEndpoint: string;
  readonly pubsubTls: boolean;
  readonly certificateAuthority?: string | undefined;
  /** Share of the daily API requests that resyncs and write-backs leave to other clients, in percent. */
  readonly reservePercent?: number;
  readonly timing?: Partial<Timing>;
  /** Names of the calculated fields to mirror; none by default. */
  readonly calculatedFields?: readonly string[];
};

/** A Salesforce org after the sign-in: REST and Pub/Sub API. */
export type Org = {
  readonly connection: Connection;
  /** Streams a response of the REST API. @throws SalesforceError */
  readonly openResponse: RestTransport['open'];
  readonly pubsub: PubSubClient;
  readonly budget: ApiBudget;
  /** Milliseconds by which this machine's clock is ahead of Salesforce's, negative if behind; null if unknown. */
  clockAheadMs(): number | null;
  /** 18 characters. */
  readonly organizationId: string;
  readonly userId: string;
  /** Signs in unless there is a session whose token the stream has not refused. @throws SalesforceError of the sign-in */
  signIn(): Promise<void>;
  /** Replaces the stream's token after a refusal. @throws SalesforceError of the sign-in */
  renewToken(cause: SalesforceError): Promise<void>;
  /** Signs in again, with backoff. @returns whether the org has moved since the stream was opened */
  hasMoved(): Promise<boolean>;
  /** Ends the backoff of the sign-in: the next call signs in immediately. */
  endSignInPause(): void;
  /** Names of the calculated fields to mirror. */
  readonly calculatedFields: ReadonlySet<string>;
  /** Reads the fields of Account that the user can see. @throws SalesforceError */
  describe(): Promise<DescribedField[]>;
  close(): void;
};

/** @throws SalesforceError if the sign-in fails */
export async function openOrg(options: OrgOptions): Promise<Org> {
  const timing = { ...defaultTiming, ...options.timing };
  const { egress = directEgress } = options;
  const { connection, openResponse, tokens, clock } = await connect({ ...options, egress });
  const { organizationId, userId } = await identify(connection).catch((error: unknown) => {
    throw identityRefusal(error, options.credentials);
  });
  const client = createPubSubClient({
    egress,
    endpoint: options.pubsubEndpoint,
    tls: options.pubsubTls,
    certificateAuthority: options.certificateAuthority,
    timing,
    identity: () => ({
      accessToken: connection.accessToken ?? '',
      instanceUrl: connection.instanceUrl,
      organizationId,
    }),
  });
  const { pubsub, streamToken } = withFreshToken(client, tokens);
  return {
    connection,
    openResponse,
    pubsub,
    budget: createApiBudget(connection, {
      reservePercent: options.reservePercent ?? 20,
      pollIntervalMs: timing.apiBudgetPollIntervalMs,
    }),
    clockAheadMs: clock.current,
    organizationId,
    userId,
    async signIn() {
      await tokens.current('stream');
    },
    renewToken: streamToken.renew,
    hasMoved: streamToken.checkAddress,
    endSignInPause: tokens.endPauses,
    calculatedFields: new Set(options.calculatedFields),
    describe: () => describeAccount(connection),
    close: () => client.close(),
  };
}

/** Without the scopes, a token is issued, but the first request is refused. */
function identityRefusal(error: unknown, { flow }: OrgOptions['credentials']): unknown {
  if (!(error instanceof SalesforceError) || error.failure !== 'permission' || error.duringSignIn)
    return error;
  return withDetails(error, {
    setting: flow === 'access-token' ? 'SALESFORCE_ACCESS_TOKEN' : 'SALESFORCE_CLIENT_ID',
    action:
      'Give the app the OAuth scopes "Manage user data via APIs (api)" and "Access unique user identifiers (openid)", and the integration user the permission "API Enabled".',
  });
}
