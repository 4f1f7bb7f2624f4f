import type { Metadata } from '@grpc/grpc-js';
import { toLongId } from '../org/record-id.ts';
import { type PubSubFailure, pubSubFailures } from './failures.ts';

/** Checks the three headers that every call carries; undefined when they are fine. */
export function refuseMetadata(metadata: Metadata, rules: AuthRules): PubSubFailure | undefined {
  const [accessToken, instanceUrl, tenantId] = ['accesstoken', 'instanceurl', 'tenantid'].map((key) =>
    String(metadata.get(key)[0] ?? ''),
  );
  if (!accessToken || !instanceUrl || !tenantId) return pubSubFailures.headersMissing;
  const known = toLongId(tenantId) === rules.organizationId && rules.authenticate(accessToken) !== undefined;
  return known ? undefined : pubSubFailures.notAuthenticated;
}

export type AuthRules = {
  /** 18 characters. */
  readonly organizationId: string;
  /** The user behind an access token that is valid now. */
  readonly authenticate: (accessToken: string) => { readonly userId: string } | undefined;
};
