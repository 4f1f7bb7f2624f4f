import type { Queryable } from './database.ts';
import type { PrismaClient } from './generated/client.ts';

/**
 * Checks that all tables and columns exist, with a query of every table that returns no row.
 * @throws if a table or column is missing because the database was changed by hand
 */
export async function checkTables(prisma: PrismaClient): Promise<void> {
  const reads = [
    () => prisma.mirrorObject.findFirst({ where: { object: '' } }),
    () => prisma.mirrorColumn.findFirst({ where: { object: '' } }),
    () => prisma.record.findFirst({ where: { recordId: '' } }),
    () => prisma.signupCode.findFirst({ where: { accountId: '' } }),
    () => prisma.accountTextChange.findFirst({ where: { position: 0n } }),
    () => prisma.accountText.findFirst({ where: { accountId: '' } }),
    () => prisma.event.findFirst({ where: { id: 0n } }),
    () => prisma.queuedEvent.findFirst({ where: { eventId: 0n } }),
    () => prisma.eventOutcome.findFirst({ where: { position: 0n } }),
    () => prisma.loggedEvent.findFirst({ where: { id: 0n } }),
    () => prisma.eventSchema.findFirst({ where: { id: '' } }),
    () => prisma.salesforceField.findFirst({ where: { name: '' } }),
    () => prisma.subscription.findFirst({ where: { topic: '' } }),
    () => prisma.resync.findFirst({ where: { id: absentId } }),
    () => prisma.incident.findFirst({ where: { id: 0n } }),
    () => prisma.resyncDifference.findFirst({ where: { resyncId: absentId } }),
    () => prisma.resyncSeen.findFirst({ where: { resyncId: absentId } }),
    () => prisma.invisibleAccount.findFirst({ where: { accountId: '' } }),
    () => prisma.idempotentRequest.findFirst({ where: { apiKey: '' } }),
    () => prisma.writeBackAttempt.findFirst({ where: { id: 0n } }),
    () => prisma.accountChange.findFirst({ where: { accountId: '' } }),
    () => prisma.accountState.findFirst({ where: { accountId: '' } }),
    () => prisma.writeBackState.findFirst({ where: { topic: '' } }),
    () => prisma.secret.findFirst({ where: { name: '' } }),
    () => prisma.housekeeping.findFirst({ where: { task: '' } }),
    () => prisma.webhookRequest.findFirst({ where: { id: '' } }),
    () => prisma.unconfirmedRecord.findFirst({ where: { id: '' } }),
    () => prisma.failedRecord.findFirst({ where: { accountId: '' } }),
    () => prisma.minuteStatistics.findFirst({ where: { minute: new Date(0) } }),
    () => prisma.serviceInstance.findFirst({ where: { id: absentId } }),
    () => prisma.loggedRequest.findFirst({ where: { id: 0n } }),
    () => prisma.apiKeyUse.findFirst({ where: { name: '' } }),
    () => prisma.healthChange.findFirst({ where: { id: 0n } }),
    () => prisma.notification.findFirst({ where: { id: 0n } }),
  ];
  for (const read of reads) {
    await read().catch((error: unknown) => {
      const missing = missingObjectMessage(error);
      throw missing === undefined
        ? error
        : new Error(`${missing}, although all migrations are applied: it was removed by hand`, {
            cause: error,
          });
    });
  }
}

const absentId = '00000000-0000-0000-0000-000000000000';

/** PostgreSQL's message if the error is about a missing table or column. */
function missingObjectMessage(error: unknown): string | undefined {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: Partial<PostgresError> } } };
  const { originalCode, originalMessage } = meta?.driverAdapterError?.cause ?? {};
  return originalCode === '42703' || originalCode === '42P01' ? originalMessage : undefined;
}

type PostgresError = { readonly originalCode: string; readonly originalMessage: string };

/** Reads the existing columns, such as `accounts.name`, from the catalog, which no lock on a table delays. */
export async function readColumns(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>({
    name: 'read-columns',
    text: `select c.relname || '.' || a.attname as name
             from pg_class c join pg_attribute a on a.attrelid = c.oid
            where c.relnamespace = quote_ident(current_schema())::regnamespace and c.relkind in ('r', 'p')
              and a.attnum > 0 and not a.attisdropped`,
  });
  return rows.map(({ name }) => name);
}
