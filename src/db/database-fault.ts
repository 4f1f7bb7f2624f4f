/** The code of a database that cannot be reached. */
export const unreachableCode = 'database-unreachable';

/** A failure of the database that the statement has not caused. */
export type DatabaseFault = { readonly code: string; readonly message: string; readonly action: string };

/** Faults that prevent writes, with their descriptions for operators. */
export const storageFaultCodes: ReadonlyMap<string, string> = new Map([
  ['database-full', 'the disk of the database is full'],
  ['database-read-only', 'the database is read-only'],
  ['database-locked', 'another session of the database holds a lock'],
  ['database-unreachable', 'the database is unreachable'],
  ['database-failed', 'the database reports an error'],
]);

const actions: Readonly<Record<string, string>> = {
  'database-full': 'Free disk space on the database server; Tidemark continues automatically.',
  'database-read-only': 'Set DATABASE_URL to a server that accepts writes.',
  'database-locked': 'End the session that holds the lock: pg_stat_activity and pg_locks show it.',
  'database-unreachable':
    'Check that PostgreSQL runs and that DATABASE_URL is correct; Tidemark reconnects automatically.',
  'database-failed': 'Correct the cause on the database server; Tidemark retries automatically.',
};

/** The remedy for a fault of this code; undefined for other codes. */
export function databaseAction(code: string): string | undefined {
  return actions[code];
}

/** Classifies an error of PostgreSQL, node-postgres, Prisma or the socket below. */
export function databaseFault(error: unknown): DatabaseFault {
  const code = faultCode(error);
  const message = error instanceof Error ? error.message || databaseErrorCode(error) : String(error);
  return { code, message, action: actions[code] ?? '' };
}

function faultCode(error: unknown): string {
  const code = databaseErrorCode(error);
  const message = error instanceof Error ? error.message : '';
  if (/^(?:53100|53200|53400|ENOSPC)$/.test(code) || /No space left on device/.test(message))
    return 'database-full';
  if (code === '25006') return 'database-read-only';
  if (code === '55P03' || code === '57014') return 'database-locked';
  if (isConnectionFault(code, message)) return 'database-unreachable';
  return 'database-failed';
}

/** Whether an error means that the database cannot be reached. */
export function isDatabaseUnreachable(error: unknown): boolean {
  return faultCode(error) === unreachableCode;
}

// PostgreSQL: connection exceptions, too many connections, shut down or starting up. Then Node's and Prisma's codes.
const connectionCodes =
  /^(?:08...|53300|57P0[1235]|E(?:CONN(?:REFUSED|RESET|ABORTED)|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN|PIPE|TIMEDOUT)|P1001|P1002|P1008|P1017)$/;
// node-postgres gives these no code.
const connectionMessages =
  /timeout exceeded when trying to connect|^Connection terminated|^Query read timeout|^Client has encountered a connection error/;

function isConnectionFault(code: string, message: string): boolean {
  return connectionCodes.test(code) || connectionMessages.test(message);
}

/**
 * The code of an error: PostgreSQL's code if there is one; Prisma keeps it inside an error of its own, and a refused host has several errors.
 */
export function databaseErrorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, meta, errors } = error as {
    code?: unknown;
    meta?: { driverAdapterError?: { cause?: { originalCode?: string } } };
    errors?: readonly unknown[];
  };
  const original = meta?.driverAdapterError?.cause?.originalCode;
  if (original !== undefined) return original;
  if (typeof code === 'string') return code;
  return Array.isArray(errors) ? databaseErrorCode(errors[0]) : '';
}

/** Whether the database rejected the data itself (class 21, 22, 23, or 54: too large), so that a retry fails again. */
export function isDataError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^(2[123]|54)/.test(code);
}

/** Whether the database lacks a table or column that a statement names. */
export function isMissingObject(error: unknown): boolean {
  return /^(?:42703|42P01)$/.test(databaseErrorCode(error));
}
