import { Type } from 'typebox';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import { AnyJson, NullableInteger, NullableText, NullableTime, OneOf, OrNull, Time } from './values.ts';
import { VerificationSchema } from './verification.ts';

const Count = (description: string) => Type.Integer({ minimum: 0, description });

const certificate = Type.Object({
  position: NullableText({
    description: 'Replay id behind which the stream stood when it began, in base64.',
  }),
  watermark: NullableText({
    description: 'The greatest version applied before the reading: what was read contains all up to it.',
  }),
  readAt: NullableTime({ description: 'The moment before anything was asked.' }),
  bulkJobId: NullableText({ description: 'The Bulk API job that was read, if it was one.' }),
  method: NullableText({ description: '`rest` or `bulk`.' }),
  rowsRead: Count('Records read from Salesforce.'),
  rowsCreated: Count('Accounts that were new.'),
  rowsOverwritten: Count('Accounts that differed and were overwritten.'),
  rowsKept: Count('Accounts of which the mirror held something newer.'),
  eventsMeanwhile: NullableInteger({ description: 'Events that were applied while it ran.' }),
  finishedAt: NullableTime(),
});

export const ResyncSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    scope: OneOf(resyncScopes),
    mode: OneOf(resyncModes, {
      description:
        '`repair` merges what it reads; `verify` compares it; `sample` compares a part of it, at little cost.',
    }),
    repairs: Type.Boolean({ description: 'Verifies only: whether what differs is repaired at the end.' }),
    reason: Type.String({ description: 'Why it was started.' }),
    accountIds: Type.Array(Type.String(), { description: 'The accounts of a resync of scope `accounts`.' }),
    invalidIds: Type.Array(Type.String(), { description: 'Asked for, and no account ids.' }),
    unknownIds: Type.Array(Type.String(), {
      description: 'Asked for, and neither in Salesforce nor in the mirror.',
    }),
    since: NullableTime({ description: 'Read what changed from here on; only of scope `since`.' }),
    state: OneOf(resyncStates, {
      description:
        '`needs-confirmation`: it stopped because too many accounts are not visible; `error` says what to check. It goes on when they are visible again, or after `POST /v1/resyncs/{id}/confirm`.',
    }),
    method: NullableText({ description: 'How it reads: `rest` or `bulk`; null until that is decided.' }),
    expected: NullableInteger({ description: 'The records that Salesforce says there are.' }),
    percent: NullableInteger({ description: 'How far it is, 0 to 100; null while that is not known.' }),
    waiting: AnyJson({
      description: 'Why it does not go on at the moment: `{ reason, since, … }`, or null.',
    }),
    read: Count('Records read from Salesforce.'),
    created: Count('Accounts that were new.'),
    updated: Count('Accounts that differed.'),
    unchanged: Count('Accounts that were equal.'),
    kept: Count('Accounts of which the mirror held something newer.'),
    deleted: Count('Accounts that were marked as deleted.'),
    notVisible: Count(
      'Accounts that Salesforce did not return although nothing proves that they are deleted. In the state `needs-confirmation` the mirror keeps them; once the resync is done they are marked as deleted.',
    ),
    confirmedBy: NullableText({ description: 'Name of the API key that confirmed it, if it needed that.' }),
    confirmedAt: NullableTime(),
    failed: Count('Records that could not be stored; the resync then ends as `failed`.'),
    error: NullableText(),
    certificate: OrNull(certificate, {
      description: 'What the finished reading stands for; null until it is done.',
    }),
    verification: OrNull(VerificationSchema, {
      description: 'What a finished `verify` or `sample` found; null for repairs and until it is done.',
    }),
    requestedBy: NullableText({ description: 'Name of the API key; null if the service started it itself.' }),
    createdAt: Time(),
    startedAt: NullableTime(),
    finishedAt: NullableTime(),
  },
  { $id: 'Resync', description: 'A reading of records from Salesforce.' },
);

export const QueuedResyncSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid', description: 'See `GET /v1/resyncs/{id}`.' }),
    accountId: Type.String({ examples: ['001al00000K3N1wAAF'] }),
    state: OneOf(resyncStates),
  },
  { $id: 'QueuedResync', description: 'The re-read of one account, about to begin.' },
);
