/** Whether an error says that the database can't be reached or takes no work now, so that a later try may do. */
export function isDatabaseUnavailable(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  return (
    codes.has(code) || /^(?:08|57P0)/.test(code) || messages.some((message) => message.test(error.message))
  );
}

// Node's socket errors, PostgreSQL's "too many connections" and Prisma's "can't reach", "timed out", "closed".
const codes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  '53300',
  'P1001',
  'P1002',
  'P1008',
  'P1017',
]);

// node-postgres gives these no code.
const messages = [/timeout exceeded when trying to connect/, /^Connection terminated/, /^Query read timeout/];
