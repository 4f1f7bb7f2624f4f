import type pg from 'pg';
import type { Logger } from 'pino';

/** A process, as `GET /v1/instances` shows it. */
export type ServiceProcess = {
  /** Random: a restarted process is another one. */
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: ReadonlySet<string>;
  readonly version: string;
};

/** Dependencies of what an operator sees of the service. */
export type OperationsContext = {
  readonly pool: pg.Pool;
  readonly process: ServiceProcess;
  readonly logger: Logger;
};
