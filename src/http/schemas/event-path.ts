import { Type } from 'typebox';
import type { Prisma } from '../../db/generated/client.ts';
import { invalid } from '../problem.ts';
import { isLogId } from './log-id.ts';

/** An event of the log, by its number or by the UUID that Salesforce gave it. */
export const EventPath = Type.Object(
  {
    id: Type.String({
      pattern: '^(?:[0-9]{1,19}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$',
      maxLength: 36,
      description:
        'Its number in the log, or the UUID that Salesforce gave it (the earliest, where several share one).',
      examples: ['48213'],
    }),
  },
  { additionalProperties: false },
);

export function identified(id: string): Prisma.EventWhereInput {
  if (!/^\d+$/.test(id)) return { eventId: { in: [id, id.toLowerCase()] } };
  if (!isLogId(id)) throw invalid('id', 'is greater than any number of the log');
  return { id: BigInt(id) };
}
