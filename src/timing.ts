/** What long-running work waits for, in milliseconds. Tests shorten it; nothing else does. */
export type Timing = {
  /** A start waits for so long for a database that is away. */
  readonly databaseStartTimeoutMs: number;
  /** A start waits for so long for the first answer of Salesforce, then it goes on without. */
  readonly salesforceStartTimeoutMs: number;
  /** A stream that delivers nothing, not even a keepalive, is given up. Salesforce sends one within 270 s. */
  readonly streamSilenceTimeoutMs: number;
  /** A stream that is open for so long without an error works: an outage is over. */
  readonly streamProvenMs: number;
  /** An outage of up to this length leaves the service ready. */
  readonly outageGraceMs: number;
  /** HTTP/2 pings on the connection to the Pub/Sub API, and how long the answer may take. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** A job queue is polled this often in addition to its notifications: for jobs that are to be tried again. */
  readonly jobPollIntervalMs: number;
  /** A difference counts once the mirror had this long to hear of the change. */
  readonly settleMs: number;
  /** One request that writes up to 200 codes; triggers in the org take seconds. */
  readonly codeWriteTimeoutMs: number;
  /** While the field of the codes is not writable, its description is read again. */
  readonly codeFieldCheckIntervalMs: number;
  /** While the API budget is used up, Salesforce is asked for the limits; each time costs a request. */
  readonly apiBudgetPollIntervalMs: number;
};

export const defaultTiming: Timing = {
  databaseStartTimeoutMs: 60_000,
  salesforceStartTimeoutMs: 8_000,
  streamSilenceTimeoutMs: 300_000,
  streamProvenMs: 10_000,
  outageGraceMs: 60_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 15_000,
  jobPollIntervalMs: 5_000,
  settleMs: 60_000,
  codeWriteTimeoutMs: 60_000,
  codeFieldCheckIntervalMs: 60_000,
  apiBudgetPollIntervalMs: 60_000,
};
