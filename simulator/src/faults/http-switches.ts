import { Type } from 'typebox';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed, delayMs } from './parameters.ts';

/** What can go wrong with REST requests. */
export function restSwitches(context: SwitchContext) {
  return {
    fail: faultSwitch(
      context,
      'Requests fail: refused before anything is done, cut off before or after it is done, answered in part or never.',
      Type.Object(
        {
          how: Type.Enum([
            'session-expired',
            'request-limit',
            'not-found',
            'server-error',
            'bad-gateway',
            'unavailable',
            ...BELOW_HTTP,
          ]),
          retryAfterSeconds: Type.Optional(
            Type.Integer({ minimum: 0, description: 'of unavailable; 5 unless told' }),
          ),
          ...which,
          ...often,
        },
        closed,
      ),
    ),
    slow: faultSwitch(
      context,
      'Requests are worked on so much later.',
      Type.Object({ delayMs, ...which, ...often }, closed),
    ),
    expiredLocators: faultSwitch(
      context,
      'The next page of a query is refused with INVALID_QUERY_LOCATOR.',
      Type.Object({ ...often }, closed),
    ),
    replication: faultSwitch(
      context,
      'What was updated and deleted is told with limits: an answer holds so many ids or is EXCEEDED_ID_LIMIT, the log of deletions reaches back so many minutes, the last minutes are not covered yet.',
      Type.Object(
        {
          maxIds: Type.Optional(Type.Integer({ minimum: 0, description: '600,000 unless told' })),
          deleteLogMinutes: Type.Optional(Type.Integer({ minimum: 1 })),
          openMinutes: Type.Optional(Type.Integer({ minimum: 1 })),
          ...often,
        },
        closed,
      ),
    ),
    hiddenRecords: faultSwitch(
      context,
      'The integration user may not see records: all that it does not own, as without "View All", or those named. No read finds them, no count counts them, and nothing says so.',
      Type.Object(
        {
          recordIds: Type.Optional(
            Type.Array(Type.String({ minLength: 18, maxLength: 18 }), { minItems: 1 }),
          ),
          inDeleteLog: Type.Optional(
            Type.Boolean({
              description: 'getDeleted lists those that are deleted, as if purged from the recycle bin',
            }),
          ),
        },
        closed,
      ),
    ),
    emptyResults: faultSwitch(
      context,
      'A query for rows has an empty but valid result. Counts stay as they are.',
      Type.Object(
        {
          soql: Type.Optional(Type.String({ minLength: 1, description: 'only queries that contain it' })),
          ...often,
        },
        closed,
      ),
    ),
    smallPages: faultSwitch(
      context,
      'Pages of queries hold no more records than so many, whatever was asked for.',
      Type.Object({ records: Type.Integer({ minimum: 1, maximum: 2000 }), ...often }, closed),
    ),
  };
}

/** What can go wrong at the token endpoint. */
export function oauthSwitches(context: SwitchContext) {
  return {
    fail: faultSwitch(
      context,
      'Sign-ins fail: refused under an OAuth error, with a status of the server, or without an answer.',
      Type.Object(
        {
          how: Type.Enum([
            'invalid_grant',
            'invalid_client',
            'invalid_client_id',
            'inactive_user',
            'inactive_org',
            'rate_limit_exceeded',
            'server-error',
            'bad-gateway',
            'unavailable',
            ...BELOW_HTTP,
          ]),
          ...often,
        },
        closed,
      ),
    ),
    slow: faultSwitch(context, 'Sign-ins take so much longer.', Type.Object({ delayMs, ...often }, closed)),
  };
}

const BELOW_HTTP = ['no-answer', 'cut-before', 'cut-after', 'truncated'] as const;

/** Narrows a fault to some requests; all unless told. */
const which = {
  method: Type.Optional(Type.Enum(['GET', 'POST', 'PATCH', 'DELETE'])),
  path: Type.Optional(
    Type.String({ minLength: 1, description: 'only paths, with their query, that contain it' }),
  ),
};

export type RestSwitches = ReturnType<typeof restSwitches>;
export type OAuthSwitches = ReturnType<typeof oauthSwitches>;
