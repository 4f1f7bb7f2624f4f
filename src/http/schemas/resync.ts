import { Type } from 'typebox';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import {
  AnyJson,
  Count,
  NullableInteger,
  NullableText,
  NullableTime,
  OneOf,
  OrNull,
  Time,
} from './values.ts';

export const differenceKinds = ['missing', 'extra', 'not visible', 'fields'] as const;

const difference = {
  accountId: Type.String({ examples: ['001al00000K3N1wAAF'] }),
  kind: OneOf(differenceKinds, {
    description:
      '`missing`: exists only in Salesforce. `extra`: active in the mirror, but deleted in Salesforce. `not visible`: in the mirror, but not returned by Salesforce, without proof of a deletion. `fields`: the values differ.',
  }),
  fields: Type.Record(
    Type.String(),
    Type.Object({ mirror: Type.Unsafe<unknown>({}), salesforce: Type.Unsafe<unknown>({}) }),
    { description: 'The differing fields, with the value in the mirror and in Salesforce.' },
  ),
};

export const DifferenceSchema = Type.Object(
  {
    ...difference,
    modifiedAt: NullableTime({ description: 'When it was last modified in Salesforce, if known.' }),
  },
  { $id: 'Difference', description: 'An account that differs from Salesforce.' },
);

export const VerificationSchema = Type.Object({
  compared: Count(),
  different: Count(),
  byField: Type.Record(Type.String(), Count(), {
    description: 'The number of differing accounts by field.',
  }),
  byKind: Type.Object({ missing: Count(), extra: Count(), notVisible: Count(), fields: Count() }),
  oldest: NullableTime({ description: 'The earliest change in Salesforce that is missing in the mirror.' }),
  verifiedThrough: NullableTime({
    description: 'The mirror equals Salesforce up to this time, except for the differences.',
  }),
  examples: Type.Optional(
    Type.Array(Type.Object(difference), {
      maxItems: 20,
      description:
        'The first differences; `GET /v1/resyncs/{id}/differences` lists all. Not included in lists.',
    }),
  ),
});

const certificate = Type.Object({
  position: NullableText({
    description: 'The replay id of the stream at the start of the resync, in base64.',
  }),
  watermark: NullableText({
    description:
      'The newest version applied before the resync started to read. The records contain all changes up to it.',
  }),
  readAt: NullableTime({ description: 'The time before the first request.' }),
  bulkJobId: NullableText({ description: 'The Bulk API job, if one was used.' }),
  method: NullableText({ description: '`rest` or `bulk`.' }),
  rowsRead: Count('Records read from Salesforce.'),
  rowsCreated: Count('New accounts.'),
  rowsOverwritten: Count('Accounts that differed and were overwritten.'),
  rowsKept: Count('Accounts with newer values in the mirror.'),
  eventsMeanwhile: NullableInteger({ description: 'Events applied while the resync ran.' }),
  finishedAt: NullableTime(),
});

export const ResyncSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    scope: OneOf(resyncScopes),
    mode: OneOf(resyncModes, {
      description:
        '`repair` merges the records into the mirror; `verify` compares them; `sample` compares a part of them at low cost.',
    }),
    repairs: Type.Boolean({
      description: 'For `verify` and `sample`: whether differences are repaired at the end.',
    }),
    reason: Type.String({ description: 'Why it was started.' }),
    accountIds: Type.Array(Type.String(), {
      description: 'The accounts to read by id, for the scopes `accounts` and `since`.',
    }),
    fields: Type.Array(Type.String(), {
      description: 'The fields that a resync of scope `fields` reads in all accounts.',
    }),
    invalidIds: Type.Array(Type.String(), { description: 'Requested ids that are not account ids.' }),
    unknownIds: Type.Array(Type.String(), {
      description: 'Requested accounts that exist neither in Salesforce nor in the mirror.',
    }),
    since: NullableTime({
      description: 'The start of the changes to read; only for scope `since`, which also reads `accountIds`.',
    }),
    state: OneOf(resyncStates, {
      description:
        '`needs-confirmation`: the resync stopped because too many accounts are not visible; `error` describes what to check. It continues when they are visible again, or after `POST /v1/resyncs/{id}/confirm`.',
    }),
    method: NullableText({
      description: '`rest` or `bulk`; null until it is decided. `rest` also if Salesforce refuses bulk jobs.',
    }),
    expected: NullableInteger({ description: 'The number of records reported by Salesforce.' }),
    percent: NullableInteger({ description: 'Progress from 0 to 100; null if unknown.' }),
    waiting: AnyJson({
      description: 'Why the resync is waiting: `{ reason, since, … }`, or null.',
    }),
    read: Count('Records read from Salesforce.'),
    created: Count('New accounts.'),
    updated: Count('Accounts that differed.'),
    unchanged: Count('Accounts that were equal.'),
    kept: Count('Accounts with newer values in the mirror.'),
    deleted: Count('Accounts marked as deleted.'),
    notVisible: Count(
      'Accounts that Salesforce did not return, without proof of a deletion. In the state `needs-confirmation` they stay active in the mirror; when the resync is done they are marked as deleted.',
    ),
    confirmedBy: NullableText({
      description: 'The name of the API key that confirmed the resync, if it needed confirmation.',
    }),
    confirmedAt: NullableTime(),
    failed: Count('Records that could not be stored; if there are any, the resync ends as `failed`.'),
    error: NullableText(),
    certificate: OrNull(certificate, {
      description: 'The state of Salesforce that the finished resync represents; null until it is done.',
    }),
    verification: OrNull(VerificationSchema, {
      description: 'The result of a finished `verify` or `sample`; null for `repair` and until it is done.',
    }),
    requestedBy: NullableText({
      description: 'The name of the API key; null if Tidemark started the resync.',
    }),
    createdAt: Time(),
    startedAt: NullableTime(),
    finishedAt: NullableTime(),
  },
  { $id: 'Resync', description: 'A read of records from Salesforce.' },
);

export const QueuedResyncSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid', description: 'See `GET /v1/resyncs/{id}`.' }),
    accountId: Type.String({ examples: ['001al00000K3N1wAAF'] }),
    state: OneOf(resyncStates),
  },
  { $id: 'QueuedResync', description: 'A queued read of one account.' },
);
