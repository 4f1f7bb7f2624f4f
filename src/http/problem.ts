/**
 * An answer other than success, as RFC 9457 describes it. Thrown by handlers and hooks.
 * `type` is stable: clients may branch on it.
 */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly status: number;
  /** The parameters or fields at fault; only of an invalid request. */
  readonly errors: readonly FieldError[];
  /** Further members of the body. */
  readonly members: { readonly [name: string]: readonly string[] };
  readonly headers: { readonly [name: string]: string };

  constructor(kind: ProblemKind, detail: string, more: ProblemDetails = {}) {
    super(detail);
    this.kind = kind;
    this.status = kinds[kind].status;
    this.errors = more.errors ?? [];
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
  }

  /** The `application/problem+json` body. */
  toBody(requestId: string): ProblemBody {
    return {
      type: problemType(this.kind),
      title: kinds[this.kind].title,
      status: this.status,
      detail: this.message,
      requestId,
      ...this.members,
      ...(this.errors.length > 0 ? { errors: this.errors } : {}),
    };
  }
}

/** 400 for one parameter or field, called by its public name. */
export function invalid(field: string, message: string): Problem {
  return invalidFields([{ field, message }]);
}

/** 400 for several parameters or fields. */
export function invalidFields(errors: readonly FieldError[]): Problem {
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  return new Problem('invalid-request', `${detail}.`, { errors });
}

/** Leads to the page that explains it; relative to the service, so that it is the same wherever that runs. */
export function problemType(kind: string): string {
  return `/docs/problems#${kind}`;
}

/** Every kind of problem that the API answers. */
export const kinds = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  'untrusted-sender': { status: 401, title: 'The sender is not trusted' },
  forbidden: { status: 403, title: 'The API key lacks a scope' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'before-history': { status: 410, title: 'The history does not reach back so far' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'The state of the thing does not allow it' },
  'still-running': { status: 409, title: 'The first request with this key is still running' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The type of the body is not supported' },
  'invalid-event': { status: 422, title: 'The event does not fit the object' },
  'key-reused': { status: 422, title: 'The idempotency key belongs to another request' },
  'too-many-requests': { status: 429, title: 'Too many requests within a minute' },
  'too-many-streams': { status: 429, title: 'Too many streams are open' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service is not available at the moment' },
  'not-ready': { status: 503, title: 'The service is not ready' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemKind = keyof typeof kinds;

export type FieldError = { readonly field: string; readonly message: string };

export type ProblemBody = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
};

type ProblemDetails = {
  readonly errors?: readonly FieldError[];
  readonly members?: { readonly [name: string]: readonly string[] };
  readonly headers?: { readonly [name: string]: string };
};
