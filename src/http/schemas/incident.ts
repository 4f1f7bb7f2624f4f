import { Type } from 'typebox';
import { incidentCauses } from '../../incidents/incident-rows.ts';
import { NullableText, NullableTime, OneOf, Time } from './values.ts';

export const incidentStates = ['open', 'repairing', 'closed'] as const;
export const incidentExtents = ['accounts', 'since', 'all'] as const;

export const IncidentSchema = Type.Object(
  {
    id: Type.String({ description: 'The number of the incident, in the order of detection.' }),
    topic: Type.String({ examples: ['/data/AccountChangeEvent'] }),
    cause: OneOf(incidentCauses, {
      description:
        '`gap`: gap events without field values. `overflow`: a transaction exceeded the limits of change events. `object changed`: a change affected all accounts at once. `position lost`: the replay position is no longer available in Salesforce. `unseen account`: a change of an account that is not in the mirror. `failed event`: an event could not be applied. `failed record`: a record read from Salesforce could not be stored. `schema changed`: fields were added, re-created or changed, which changes existing records without events; `detail` names them, and they are read in all records. `table changed`: columns of the table of accounts were removed or changed by hand; they are restored, and the fields that `detail` names are read in all records.',
    }),
    detail: Type.String({ description: 'A description in one sentence.' }),
    extent: OneOf(incidentExtents, {
      description:
        'Which accounts may be outdated: those in `accountIds`, all that changed since `from`, or all.',
    }),
    accountIds: Type.Array(Type.String(), {
      description:
        'The accounts of the extent `accounts`, up to 1,000; if more are affected, the extent is `all`. When accounts are added, repaired accounts are removed.',
    }),
    eventIds: Type.Array(Type.String(), { description: 'The events in the log that reported it.' }),
    from: NullableTime(),
    to: NullableTime(),
    state: OneOf(incidentStates, {
      description: '`closed`: all affected accounts have been read from Salesforce.',
    }),
    resyncId: NullableText({
      description: 'The resync that repairs it; null if accounts are read individually.',
    }),
    openedAt: Time(),
    closedAt: NullableTime(),
  },
  { $id: 'Incident', description: 'A known gap in the received changes, and its repair.' },
);
