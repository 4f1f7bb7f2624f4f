import { type Static, Type } from 'typebox';
import { kinds, type ProblemKind, problemType } from '../problem.ts';
import { Named, OneOf } from './values.ts';

export const ProblemSchema = Type.Object(
  {
    type: OneOf(Object.keys(kinds).map(problemType), {
      description: 'Says what kind of problem it is; stable.',
    }),
    title: Type.String({ description: 'The kind of problem in words.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What is wrong this time.' }),
    requestId: Type.String({ description: 'The same as in the header `X-Request-Id` and in the log.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
        description: 'The parameters or fields at fault; only of `invalid-request` and `invalid-event`.',
      }),
    ),
    reasons: Type.Optional(Type.Array(Type.String(), { description: 'Only of `not-ready`.' })),
  },
  { $id: 'Problem', description: 'An error as RFC 9457 describes it.' },
);

/** The responses of an operation that answer a problem; 429, 500 and 503 are possible everywhere. */
export function problemResponses(...expected: readonly ProblemKind[]) {
  const all = ['too-many-requests', 'internal-error', 'unavailable', ...expected] as const;
  const byStatus = Map.groupBy(all, (kind) => kinds[kind].status);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [status, problemResponse(ofStatus)] as const),
  );
}

function problemResponse(ofStatus: readonly ProblemKind[]) {
  const examples = Object.fromEntries(ofStatus.map((kind) => [kind, { value: exampleOf(kind) }]));
  return {
    description: ofStatus.map((kind) => `${kinds[kind].title}.`).join(' Or: '),
    content: { 'application/problem+json': { schema: Named(ProblemSchema), examples } },
  };
}

/** The same of a POST that starts work: it may have a body, and it takes an `Idempotency-Key`. */
export function workProblemResponses(...expected: readonly ProblemKind[]) {
  return problemResponses(
    'invalid-request',
    'unauthenticated',
    'forbidden',
    'still-running',
    'payload-too-large',
    'unsupported-media-type',
    'key-reused',
    ...expected,
  );
}

function exampleOf(kind: ProblemKind): Static<typeof ProblemSchema> {
  const { status, title } = kinds[kind];
  return {
    type: problemType(kind),
    title,
    status,
    detail: details[kind] ?? 'What is wrong this time.',
    requestId: 'V1StGXR8_Z5jdHi6B-myT',
    ...(kind === 'invalid-request' ? { errors: [{ field: 'limit', message: 'must be at most 200' }] } : {}),
    ...(kind === 'not-ready' ? { reasons: ['The database does not answer.'] } : {}),
  };
}

const details: Partial<Record<ProblemKind, string>> = {
  'invalid-request': 'limit must be at most 200.',
  unauthenticated: 'The API key is not known.',
  forbidden: 'The key "dashboard" lacks the scope "write", which this needs.',
  'not-found': 'The mirror holds no account 001al00000K3N1wAAF.',
  'before-history': 'The account 001al00000K3N1wAAF is known since 2026-11-23T10:00:00.000Z.',
  'internal-error': 'The log says more under the request id.',
  conflict: 'The resync is done: there is nothing to cancel.',
  'still-running': 'The first request with this Idempotency-Key is still running.',
  'key-reused': 'This Idempotency-Key came with another request before: take a new one.',
  'too-many-requests': 'At most 6000 requests a minute; 21 s are left of this one.',
  'too-many-streams': 'At most 10 streams of one key may be open.',
  unavailable: 'Try again in a few seconds.',
  'not-ready': 'The database does not answer.',
};
