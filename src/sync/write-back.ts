import type { Connection } from 'jsforce';
import type pg from 'pg';
import type { JobResult, JobWithMetadata } from 'pg-boss';
import type { Logger } from 'pino';
import { inTransaction } from '../db/database.ts';
import { type CodeWriteResult, type HeldCode, readCodes, writeCodes } from '../salesforce/signup-codes.ts';
import { applyChanges } from './apply-changes.ts';
import { type CodeOutcome, readPending, recordOutcomes } from './code-rows.ts';
import type { AccountJob } from './jobs.ts';
import { generateCode, goneCode } from './signup-code.ts';
import { readWatermark } from './subscription-rows.ts';
import { readVersion } from './version.ts';

export type WriteBackContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly codeField: string;
  readonly connection: Connection;
  readonly logger: Logger;
};

/**
 * Brings the codes of up to 200 accounts to Salesforce in one call. What Salesforce holds already is adopted, not
 * overwritten; what it refuses is on record with its reason. Doing it again does no harm: the same code is sent.
 *
 * @returns one result a job: done, or to be tried again after a pause
 * @throws SalesforceError where the whole call failed: all jobs are tried again
 */
export async function writeBack(
  context: WriteBackContext,
  jobs: readonly JobWithMetadata<AccountJob>[],
): Promise<JobResult[]> {
  const { pool, codeField, connection, logger } = context;
  const pending = await readPending(
    pool,
    jobs.map(({ data }) => data.accountId),
  );
  const ids = [...pending.keys()];
  const held = ids.length === 0 ? new Map<string, HeldCode>() : await adoptHeld(context, ids);
  const writes = ids.flatMap((id) =>
    held.get(id)?.code === null ? [{ id, code: pending.get(id) ?? '' }] : [],
  );
  const results = writes.length === 0 ? [] : await writeCodes(connection, codeField, writes);
  const lastTries = new Set(jobs.filter(isLastTry).map(({ data }) => data.accountId));
  const outcomes = [
    ...writes.map(({ id, code }, index) => toOutcome(id, code, results[index], lastTries.has(id))),
    ...ids.filter((id) => !held.has(id)).map((id) => gone(id, pending.get(id) ?? '')),
  ];
  await recordOutcomes(pool, outcomes);
  const again = new Map(
    outcomes.filter(({ state }) => state === 'pending').map((outcome) => [outcome.id, outcome]),
  );
  logger.info({ sent: writes.length, again: again.size }, 'signup codes written to Salesforce');
  return jobs.map(({ id, data }) => toJobResult(id, again.get(data.accountId)));
}

/** Reads which codes Salesforce holds, and merges those into the mirror like any other reading. */
async function adoptHeld(
  { pool, topic, codeField, connection }: WriteBackContext,
  ids: readonly string[],
): Promise<Map<string, HeldCode>> {
  const watermark = await readWatermark(pool, topic);
  const readAt = Date.now();
  const held = await readCodes(connection, codeField, ids);
  const adopted = [...held].filter(([, { code }]) => code !== null);
  if (adopted.length > 0) {
    const changes = adopted.map(([accountId, { code, systemModstamp }]) => ({
      accountId,
      change: {
        version: readVersion(systemModstamp, watermark, readAt),
        extent: 'some' as const,
        values: new Map([[codeField, code]]),
      },
      eligible: false,
      gap: false,
    }));
    await inTransaction(pool, (client) => applyChanges(client, changes, codeField));
  }
  return held;
}

function toOutcome(
  id: string,
  code: string,
  result: CodeWriteResult | undefined,
  lastTry: boolean,
): CodeOutcome {
  if (result?.success === true) return { id, code, state: 'written', error: null, newCode: code };
  const error = {
    code: result?.code ?? 'UNKNOWN',
    message: result?.message ?? 'Salesforce gave no answer for this record.',
    at: new Date().toISOString(),
  };
  // Another record has it, unknown to the mirror: a code that was refused was never written, so it may change.
  if (error.code === 'DUPLICATE_VALUE' && !lastTry) {
    return { id, code, state: 'pending', error, newCode: generateCode() };
  }
  return {
    id,
    code,
    state: !lastTry && transientCodes.has(error.code) ? 'pending' : 'failed',
    error,
    newCode: code,
  };
}

// Source: "Status Codes", SOAP and REST API guides. Whatever is not named here does not go away by itself.
const transientCodes = new Set([
  'UNABLE_TO_LOCK_ROW',
  'REQUEST_LIMIT_EXCEEDED',
  'SERVER_UNAVAILABLE',
  'QUERY_TIMEOUT',
  'UNKNOWN',
]);

/** Neither Salesforce's living records nor an answer: there is nothing to write to. */
function gone(id: string, code: string): CodeOutcome {
  const message = 'Salesforce does not have this account any more.';
  return {
    id,
    code,
    state: 'failed',
    error: { code: goneCode, message, at: new Date().toISOString() },
    newCode: code,
  };
}

function isLastTry(job: JobWithMetadata<AccountJob>): boolean {
  return job.retryCount >= job.retryLimit;
}

function toJobResult(id: string, again: CodeOutcome | undefined): JobResult {
  return again === undefined ? { id, status: 'completed' } : { id, status: 'failed', output: again.error };
}
