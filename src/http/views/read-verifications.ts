import type { Static } from 'typebox';
import { columnsOf } from '../../db/columns-of.ts';
import type { Queryable } from '../../db/database.ts';
import { Prisma, type Resync, type ResyncDifference } from '../../db/generated/client.ts';
import { type DifferenceSchema, differenceKinds, type VerificationSchema } from '../schemas/resync.ts';
import { isoTime } from '../schemas/values.ts';

/** Reads the results of finished verifications by resync id. */
export async function readVerifications(
  db: Queryable,
  resyncs: readonly ResyncRow[],
): Promise<ReadonlyMap<string, Verification>> {
  const verifies = resyncs.filter(({ mode, state }) => mode !== 'repair' && state === 'done');
  if (verifies.length === 0) return new Map();
  const ids = verifies.map(({ id }) => id);
  const [kinds, fields] = [await countKinds(db, ids), await countFields(db, ids)];
  return new Map(
    verifies.map((row) => {
      const counted = kinds.filter(({ id }) => id === row.id);
      const countOf = (name: string) => counted.find(({ kind }) => kind === name)?.count ?? 0;
      const oldest = counted.flatMap(({ oldest }) => oldest ?? []).sort((a, b) => Number(a) - Number(b))[0];
      return [
        row.id,
        {
          compared: row.read,
          different: row.different ?? counted.reduce((sum, { count }) => sum + count, 0),
          byField: Object.fromEntries(
            fields.filter(({ id }) => id === row.id).map(({ field, count }) => [field, count]),
          ),
          byKind: {
            missing: countOf('missing'),
            extra: countOf('extra'),
            notVisible: countOf('not visible'),
            fields: countOf('fields'),
          },
          oldest: isoTime(oldest ?? null),
          verifiedThrough: isoTime(row.verifiedThrough),
        },
      ];
    }),
  );
}

/** Reads the result of one verification with examples; null if it is not a finished verification. */
export async function readVerification(db: Queryable, row: ResyncRow): Promise<Verification | null> {
  const found = (await readVerifications(db, [row])).get(row.id);
  if (found === undefined) return null;
  const { rows } = await db.query<DifferenceRow>({
    name: 'example-differences',
    text: `select ${differenceColumns.sql} from resync_differences where resync_id = $1 and confirmed order by account_id limit 20`,
    values: [row.id],
  });
  return {
    ...found,
    examples: rows.map(differenceJson).map(({ accountId, kind, fields }) => ({ accountId, kind, fields })),
  };
}

export function differenceJson(row: DifferenceRow): Static<typeof DifferenceSchema> {
  return {
    accountId: row.accountId,
    kind: differenceKinds.find((kind) => kind === row.kind) ?? 'fields',
    fields: Object.fromEntries(
      Object.entries(row.values).map(([name, { mirror = null, salesforce = null }]) => [
        name,
        { mirror, salesforce },
      ]),
    ),
    modifiedAt: isoTime(row.modifiedAt),
  };
}

const fields = ['accountId', 'kind', 'values', 'modifiedAt'] as const satisfies (keyof ResyncDifference)[];

/** The columns of a `DifferenceRow`. */
export const differenceColumns = Prisma.raw(columnsOf(fields));

export type DifferenceRow = Pick<ResyncDifference, Exclude<(typeof fields)[number], 'values'>> & {
  readonly values: Readonly<Record<string, { readonly mirror?: unknown; readonly salesforce?: unknown }>>;
};

type ResyncRow = Pick<Resync, 'id' | 'mode' | 'state' | 'read' | 'different' | 'verifiedThrough'>;
type Verification = Static<typeof VerificationSchema>;
type KindCount = {
  readonly id: string;
  readonly kind: string;
  readonly count: number;
  readonly oldest: Date | null;
};

async function countKinds(db: Queryable, ids: readonly string[]): Promise<KindCount[]> {
  const { rows } = await db.query<KindCount>({
    name: 'count-difference-kinds',
    text: `select resync_id as id, kind, count(*)::int as count, min(modified_at) as oldest
             from resync_differences where resync_id = any($1::uuid[]) and confirmed group by 1, 2`,
    values: [ids],
  });
  return rows;
}

async function countFields(
  db: Queryable,
  ids: readonly string[],
): Promise<{ readonly id: string; readonly field: string; readonly count: number }[]> {
  const { rows } = await db.query<{ id: string; field: string; count: number }>({
    name: 'count-differing-fields',
    text: `select resync_id as id, field, count(*)::int as count
             from resync_differences, unnest(fields) as field
            where resync_id = any($1::uuid[]) and confirmed and kind = 'fields' group by 1, 2 order by 3 desc, 2`,
    values: [ids],
  });
  return rows;
}
