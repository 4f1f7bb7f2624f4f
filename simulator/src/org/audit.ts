import type { Caller, FieldValue, OrgRecord } from './model.ts';
import type { RecordChange } from './transaction.ts';

/** The log of writes, so that a test can prove what was never written. The newest million are kept. */
export function createAudit(codeField: string) {
  let entries: AuditEntry[] = [];
  const listeners = new Set<WriteListener>();
  return {
    /** Calls back for every write before it is committed. Returns a function that unsubscribes. */
    onWrite(listener: WriteListener): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    record(caller: Caller, at: number, writes: readonly RecordChange[]): void {
      for (const { id, before, after } of writes)
        for (const listener of listeners) listener(id, operationOf(before, after));
      for (const write of writes) entries.push(entryOf(caller, at, write, codeField));
      if (entries.length > 2 * MAX_ENTRIES) entries = entries.slice(-MAX_ENTRIES);
    },
    /** Committed writes, oldest first; a transaction that wrote a record twice has two. */
    entries: ({ client, recordId }: AuditFilter = {}): readonly AuditEntry[] =>
      entries
        .slice(-MAX_ENTRIES)
        .filter((entry) => client === undefined || entry.client === client)
        .filter((entry) => recordId === undefined || entry.recordId === recordId),
    /** All codes written to each record, oldest first, by record id. More than one is an error of the client. */
    codes(): ReadonlyMap<string, readonly string[]> {
      const codes = new Map<string, string[]>();
      for (const { recordId, code, codeBefore } of entries) {
        if (typeof code !== 'string' || code === codeBefore) continue;
        codes.set(recordId, [...(codes.get(recordId) ?? []), code]);
      }
      return codes;
    },
    clear(): void {
      entries = [];
    },
  };
}

function entryOf(
  { client, userId }: Caller,
  at: number,
  { id, before, after }: RecordChange,
  codeField: string,
): AuditEntry {
  return {
    at,
    client,
    userId,
    recordId: id,
    operation: operationOf(before, after),
    changedFields: changedFields(before, after),
    codeBefore: before?.values[codeField] ?? null,
    code: after?.values[codeField] ?? null,
  };
}

function operationOf(before: OrgRecord | undefined, after: OrgRecord | undefined): AuditEntry['operation'] {
  if (before === undefined) return 'create';
  if (before.isDeleted !== after?.isDeleted) return after?.isDeleted ? 'delete' : 'undelete';
  return 'update';
}

/** Without the audit fields, which change with every write. */
function changedFields(before: OrgRecord | undefined, after: OrgRecord | undefined): string[] {
  const names = new Set([...Object.keys(before?.values ?? {}), ...Object.keys(after?.values ?? {})]);
  return [...names].filter((name) => !STAMPS.has(name) && before?.values[name] !== after?.values[name]);
}

const STAMPS = new Set(['LastModifiedDate', 'LastModifiedById', 'SystemModstamp']);
const MAX_ENTRIES = 1_000_000;

type AuditEntry = {
  /** Epoch milliseconds. */
  readonly at: number;
  /** From the call options; null if absent. */
  readonly client: string | null;
  readonly userId: string;
  /** 18 characters. */
  readonly recordId: string;
  readonly operation: 'create' | 'update' | 'delete' | 'undelete';
  readonly changedFields: readonly string[];
  readonly codeBefore: FieldValue;
  readonly code: FieldValue;
};

export type Audit = Omit<ReturnType<typeof createAudit>, 'record'>;

type WriteListener = (recordId: string, operation: AuditEntry['operation']) => void;

type AuditFilter = { readonly client?: string | undefined; readonly recordId?: string | undefined };
