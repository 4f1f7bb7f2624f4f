/** Whether an error says that the database can't be reached or takes no work now, so that a later try may do. */
export function isDatabaseUnavailable(error: Error): boolean {
  const code = postgresCode(error) ?? ('code' in error ? String(error.code) : '');
  return codes.has(code) || classes.test(code) || messages.some((message) => message.test(error.message));
}

/** Where Prisma wraps an error of PostgreSQL it has a code of its own. */
function postgresCode(error: Error): string | undefined {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: { originalCode?: string } } } };
  return meta?.driverAdapterError?.cause?.originalCode;
}

// PostgreSQL: connection exceptions, undone for another transaction, out of resources, a lock that was not to be had,
// cancelled or shut down, input or output failed.
const classes = /^(?:08|40|53|55P03|57|58)/;

// Node's socket errors, PostgreSQL's "read-only" and Prisma's "can't reach", "timed out", "closed".
const codes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  '25006',
  'P1001',
  'P1002',
  'P1008',
  'P1017',
]);

// node-postgres gives these no code.
const messages = [/timeout exceeded when trying to connect/, /^Connection terminated/, /^Query read timeout/];
