import { type Static, Type } from 'typebox';
import { problemType } from '../problem.ts';
import { type ProblemKind, problemKinds } from '../problem-kinds.ts';
import { Named, OneOf } from './values.ts';

export const ProblemSchema = Type.Object(
  {
    type: OneOf(Object.keys(problemKinds).map(problemType), { description: 'The kind of problem; stable.' }),
    title: Type.String({ description: 'The kind of problem in words.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What is wrong with this request.' }),
    requestId: Type.String({ description: 'Same as the `X-Request-Id` header and the log.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
        description: 'The invalid parameters or fields; only for `invalid-request` and `invalid-event`.',
      }),
    ),
    reasons: Type.Optional(Type.Array(Type.String(), { description: 'Only for `not-ready`.' })),
  },
  { $id: 'Problem', description: 'An error as defined by RFC 9457.' },
);

/** Problem responses of an operation that needs an API key. */
export function problemResponses(...expected: readonly ProblemKind[]) {
  return publicProblemResponses('invalid-request', 'unauthenticated', 'forbidden', ...expected);
}

/** Problem responses of an operation with an `Idempotency-Key`. */
export function idempotentProblemResponses(...expected: readonly ProblemKind[]) {
  return problemResponses(
    'still-running',
    'payload-too-large',
    'unsupported-media-type',
    'key-reused',
    ...expected,
  );
}

/** Problem responses of an operation without an API key. Every operation can respond with 429, 500 and 503. */
export function publicProblemResponses(...expected: readonly ProblemKind[]) {
  const kinds = ['too-many-requests', 'internal-error', 'unavailable', ...expected] as const;
  const byStatus = Map.groupBy(kinds, (kind) => problemKinds[kind].status);
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [status, problemResponse(sameStatus)] as const),
  );
}

function problemResponse(kinds: readonly ProblemKind[]) {
  const examples = Object.fromEntries(kinds.map((kind) => [kind, { value: exampleOf(kind) }]));
  return {
    description: kinds.map((kind) => `${problemKinds[kind].title}.`).join(' Or: '),
    content: { 'application/problem+json': { schema: Named(ProblemSchema), examples } },
  };
}

function exampleOf(kind: ProblemKind): Static<typeof ProblemSchema> {
  const { status, title, ...others } = problemKinds[kind];
  return {
    type: problemType(kind),
    title,
    status,
    detail: 'example' in others ? others.example : 'What is wrong with this request.',
    requestId: 'V1StGXR8_Z5jdHi6B-myT',
    ...(kind === 'invalid-request' ? { errors: [{ field: 'limit', message: 'must be at most 200' }] } : {}),
    ...(kind === 'not-ready' ? { reasons: ['The database does not answer.'] } : {}),
  };
}
