import type { Org } from '../org/model.ts';
import type { VisibleOrg } from '../org/visible-org.ts';
import type { BulkContext } from './bulk/bulk-context.ts';
import type { Credentials } from './credentials.ts';
import type { HttpFaults } from './fault-hooks.ts';
import type { QueryCursors } from './query-cursors.ts';
import type { RequestAllowance } from './request-allowance.ts';
import type { Sessions } from './sessions.ts';

/** The state that all HTTP routes share. */
export type HttpContext = {
  readonly org: Org & Pick<VisibleOrg, 'deletions'>;
  readonly sessions: Sessions;
  readonly credentials: Credentials;
  readonly allowance: RequestAllowance;
  readonly cursors: QueryCursors;
  readonly bulk: BulkContext;
  /** Set when the ports are open. */
  readonly endpoints: Endpoints;
  readonly faults: HttpFaults;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

type Endpoints = {
  /** `http://127.0.0.1:8080` */
  instanceUrl: string;
  /** `127.0.0.1:7443` */
  pubsubEndpoint: string;
  /** PEM, if the servers use TLS. */
  certificate?: string;
};
