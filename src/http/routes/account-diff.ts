import { Type } from 'typebox';
import { diffAccount } from '../../history/diff-account.ts';
import { invalid } from '../problem.ts';
import { AccountDiffSchema } from '../schemas/history.ts';
import { AccountPath, MomentParameter } from '../schemas/parameters.ts';
import { readRecordId } from '../schemas/parse-record-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { notKnownThen, readPastMoment } from '../views/read-past-account.ts';
import { expectKnown } from './account-events.ts';

export function registerAccountDiffRoute(app: Server): void {
  app.addSchema(AccountDiffSchema);

  app.get('/v1/accounts/:id/diff', { config: { scope: 'read' }, schema }, async (request) => {
    const { pool } = request.reads;
    const accountId = readRecordId('id', request.params.id);
    const from = readPastMoment('from', request.query.from);
    const to = request.query.to === undefined ? new Date() : readPastMoment('to', request.query.to);
    if (from > to) throw invalid('from', 'lies behind `to`');
    const diff = await diffAccount(pool, accountId, from, to);
    if (diff.kind !== 'known') {
      await expectKnown(pool, accountId);
      throw notKnownThen(accountId, diff.kind === 'unborn' ? to : from, diff);
    }
    return { accountId, from: from.toISOString(), to: to.toISOString(), changes: [...diff.changes] };
  });
}

const schema = {
  operationId: 'diffAccount',
  summary: 'Compare an account at two moments',
  description:
    'The fields that differ between what had committed at `from` and at `to`. A change that came late counts from its commit.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: Type.Object(
    {
      from: MomentParameter('The earlier moment.'),
      to: Type.Optional(MomentParameter('The later moment; now unless given.')),
    },
    { additionalProperties: false },
  ),
  response: {
    200: { ...Named(AccountDiffSchema), description: 'The fields that differ.' },
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found', 'before-history'),
  },
} as const;
