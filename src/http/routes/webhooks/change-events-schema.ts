import { Type } from 'typebox';
import { NoParameters } from '../../schemas/parameters.ts';
import { publicProblemResponses } from '../../schemas/problem.ts';

const header = {
  entityName: 'Account',
  recordIds: ['001al00000K3N1wAAF'],
  changeType: 'UPDATE',
  changeOrigin: 'com/salesforce/api/rest/66.0;client=Loader',
  transactionKey: '0006e8c2-1d2b-4a7e-9c39-3f2d7b1e5a10',
  sequenceNumber: 1,
  commitTimestamp: 1795500000000,
  commitNumber: 1795500000123,
  commitUser: '005al000001AAAAAA2',
  changedFields: ['Industry', 'BillingAddress.City', 'Rating', 'LastModifiedDate'],
};

const payload = {
  ChangeEventHeader: header,
  Industry: 'Energy',
  BillingAddress: { City: 'Oslo' },
  Rating: null,
  LastModifiedDate: '2026-11-24T06:00:00.000Z',
};

const cometd = {
  schema: 'i8wgJwwM-AVcDbFkbRl5Nw',
  payload,
  event: { replayId: 4812, EventUuid: '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01' },
};

const eventBridge = {
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  'detail-type': 'AccountChangeEvent',
  source: 'aws.partner/salesforce.com/00Dal00000AbCdEEAV/0YLal0000004C92',
  detail: { payload },
};

/** Documentation only: the handler parses the raw body. */
const body = Type.Unsafe<unknown>({
  description: 'One event, or a list of up to 500.',
  anyOf: [
    { type: 'object', additionalProperties: true },
    { type: 'array', minItems: 1, maxItems: 500, items: {} },
  ],
  examples: [cometd, payload, eventBridge, [cometd, payload]],
});

export const changeEventsSchema = {
  operationId: 'receiveChangeEvents',
  summary: 'Send change events as JSON',
  description: `For orgs that relay Change Data Capture by HTTP: an Event Relay through EventBridge, a middleware, Apex callouts. Signed as defined by Standard Webhooks; a signature is valid for five minutes. Accepts the CometD format, the bare payload, and the EventBridge envelope.

A null field is cleared, an absent field is unchanged. \`changedFields\` contains names or the bitmaps of the Pub/Sub API. Names are case-insensitive; flat names (\`BillingCity\`), tagged unions (\`{ "string": … }\`) and numbers as strings are accepted. An unknown field or a value of the wrong type is rejected with 422, which names the field. Write integers above 2^53 with all digits.

The response is 202 when all events are stored. A repeated request or event gets the same response and has no effect.`,
  tags: ['Webhooks'],
  security: [{ webhookSignature: [] }],
  querystring: NoParameters,
  headers: Type.Object({
    'webhook-id': Type.Optional(
      Type.String({ maxLength: 255, description: 'The same for every attempt to send the request.' }),
    ),
    'webhook-timestamp': Type.Optional(Type.String({ maxLength: 12, description: 'Unix time in seconds.' })),
  }),
  body,
  response: {
    202: Type.Object(
      {
        received: Type.Integer({ description: 'Number of events in the request.' }),
        stored: Type.Integer({ description: 'Number of new events.' }),
      },
      { description: 'All events are stored.' },
    ),
    ...publicProblemResponses(
      'invalid-request',
      'untrusted-sender',
      'not-found',
      'payload-too-large',
      'unsupported-media-type',
      'invalid-event',
      'key-reused',
    ),
  },
} as const;
