import { Type } from 'typebox';
import { incidentCauses } from '../../incidents/incident-rows.ts';
import { NullableText, NullableTime, OneOf, Time } from './values.ts';

export const incidentStates = ['open', 'repairing', 'closed'] as const;
export const incidentExtents = ['accounts', 'since', 'all'] as const;

export const IncidentSchema = Type.Object(
  {
    id: Type.String({ description: 'Its number, in the order in which incidents were found.' }),
    topic: Type.String({ examples: ['/data/AccountChangeEvent'] }),
    cause: OneOf(incidentCauses, {
      description:
        '`gap`: events told that accounts changed, not what. `overflow`: a transaction too large to be told. `object changed`: something happened to all accounts at once. `position lost`: Salesforce forgot where we were. `unseen account`: an account changed that was never told of. `failed event`: an event could not be applied. `failed record`: a record that was read from Salesforce could not be stored.',
    }),
    detail: Type.String({ description: 'One sentence for a person.' }),
    extent: OneOf(incidentExtents, {
      description: 'What is uncertain: some accounts, all that changed since `from`, or everything.',
    }),
    accountIds: Type.Array(Type.String(), {
      description:
        'The accounts of the extent `accounts`, up to 1,000: if more are affected, the extent is `all`. An incident that grows keeps those that are still uncertain.',
    }),
    eventIds: Type.Array(Type.String(), { description: 'The events of the log that told of it.' }),
    from: NullableTime(),
    to: NullableTime(),
    state: OneOf(incidentStates, {
      description: '`closed`: all that could be missing has been read from Salesforce.',
    }),
    resyncId: NullableText({
      description: 'The resync that closes it; null where single accounts are read.',
    }),
    openedAt: Time(),
    closedAt: NullableTime(),
  },
  { $id: 'Incident', description: 'A known hole in what was received, and its repair.' },
);
