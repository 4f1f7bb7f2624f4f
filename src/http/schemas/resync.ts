import { Type } from 'typebox';
import { NullableText, NullableTime, OneOf, Time } from './values.ts';

const Count = (description: string) => Type.Integer({ minimum: 0, description });

export const ResyncSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    scope: OneOf(['all', 'since', 'accounts']),
    reason: Type.String({ description: 'Why it was started.' }),
    accountIds: Type.Array(Type.String(), { description: 'The accounts of a resync of scope `accounts`.' }),
    since: NullableTime({ description: 'Read what changed from here on; only of scope `since`.' }),
    state: OneOf(['queued', 'reading', 'applying', 'done', 'failed', 'cancelled']),
    read: Count('Records read from Salesforce.'),
    created: Count('Accounts that were new.'),
    updated: Count('Accounts that differed.'),
    unchanged: Count('Accounts that were equal.'),
    deleted: Count('Accounts that Salesforce no longer has.'),
    failed: Count('Records that could not be applied.'),
    error: NullableText(),
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
    state: OneOf(['queued']),
  },
  { $id: 'QueuedResync', description: 'The re-read of one account, about to begin.' },
);
