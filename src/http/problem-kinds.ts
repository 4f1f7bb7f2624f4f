type ProblemDescription = {
  readonly status: number;
  readonly title: string;
  /** When the API responds with it. */
  readonly when: string;
  /** What a client does about it. */
  readonly remedy: string;
  /** A detail for the example in the OpenAPI document. */
  readonly example?: string;
};

/** Every kind of problem, by its stable name. The page /docs/problems and the OpenAPI document are made from this. */
export const problemKinds = {
  'invalid-request': {
    status: 400,
    title: 'Invalid request',
    when: 'A parameter, header or body field is unknown, missing or malformed.',
    remedy: 'Correct the fields listed in "errors". Repeating the same request fails again.',
    example: 'limit must be at most 200.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    when: 'The request has no API key, an unknown one, or a token that is not valid for this service.',
    remedy: 'Send a key as "Authorization: Bearer <key>", or a fresh token.',
    example: 'The API key is unknown.',
  },
  'untrusted-sender': {
    status: 401,
    title: 'Untrusted sender',
    when: 'A webhook has no valid signature, an expired timestamp, or comes from an unknown org.',
    remedy:
      'Sign it with a secret of WEBHOOK_SECRETS and send it again. The response does not say which check failed.',
  },
  forbidden: {
    status: 403,
    title: 'Missing scope',
    when: 'The key or token is valid, but lacks the scope that "WWW-Authenticate" names.',
    remedy: 'Use a key with that scope. "write" includes "read"; "admin" includes both.',
    example: 'The key "dashboard" lacks the scope "write", which this operation requires.',
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    when: 'The URL is unknown, or the mirror has no object with this id.',
    remedy: 'Check the id. An account that was just created in Salesforce arrives a moment later.',
    example: 'Account 001al00000K3N1wAAF is not in the mirror.',
  },
  'before-history': {
    status: 410,
    title: 'Before the start of the history',
    when: 'The account existed at the requested time, but its history starts later.',
    remedy: 'Request a later time; the detail says when the history starts.',
    example: 'The history of account 001al00000K3N1wAAF starts at 2026-11-23T10:00:00.000Z.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    when: 'The URL exists, but does not support this method.',
    remedy: 'Use a method listed in the "Allow" header.',
  },
  'request-timeout': {
    status: 408,
    title: 'Request timeout',
    when: 'The request was not received completely within 30 seconds, or its headers within 15 seconds.',
    remedy: 'Send it again on a new connection.',
  },
  conflict: {
    status: 409,
    title: 'Conflict with the current state',
    when: 'The current state of the object does not allow the operation.',
    remedy: 'Read the object again before you decide what to do.',
    example: 'The resync is done: there is nothing to cancel.',
  },
  'still-running': {
    status: 409,
    title: 'First request still running',
    when: 'The first request with this Idempotency-Key has not finished.',
    remedy: 'Repeat the request a few seconds later.',
    example: 'The first request with this Idempotency-Key is still running.',
  },
  'precondition-failed': {
    status: 412,
    title: 'Precondition failed',
    when: 'A file of the documentation does not meet "If-Match" or "If-Unmodified-Since".',
    remedy: 'Request it without these headers.',
  },
  'payload-too-large': {
    status: 413,
    title: 'Body too large',
    when: 'The body exceeds the size limit of the operation.',
    remedy: 'Send less data per request.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported content type',
    when: 'The operation does not accept this content type, or the body is compressed.',
    remedy: 'Send JSON as application/json, without Content-Encoding.',
  },
  'range-not-satisfiable': {
    status: 416,
    title: 'Range not satisfiable',
    when: 'The range lies outside the file of the documentation.',
    remedy: 'Request it without "Range".',
  },
  'invalid-event': {
    status: 422,
    title: 'Invalid event',
    when: 'A change event contains a field that the object does not have, or a value of the wrong type.',
    remedy:
      'Correct the fields listed in "errors". A new field is known after the first event of the stream.',
  },
  'key-reused': {
    status: 422,
    title: 'Idempotency key reused',
    when: 'This Idempotency-Key was used for another request within the last 24 hours.',
    remedy: 'Use a new key for a new request.',
    example: 'This Idempotency-Key was used for another request; use a new one.',
  },
  'upgrade-required': {
    status: 426,
    title: 'Upgrade required',
    when: 'An export was requested over HTTP/1.0, where a response that was cut off looks complete.',
    remedy: 'Use HTTP/1.1, also between a proxy and the service: in nginx, `proxy_http_version 1.1`.',
    example: 'Exports need HTTP/1.1; this request came over HTTP/1.0. Set proxy_http_version 1.1 in nginx.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    when: 'The key (or the address, for requests without a valid key) has reached its limit of requests per minute or of concurrent requests.',
    remedy: 'Wait for the number of seconds in "Retry-After". The "RateLimit" header shows what remains.',
    example: 'The limit of 6000 requests per minute is reached; it resets in 21 s.',
  },
  'too-many-streams': {
    status: 429,
    title: 'Too many streams',
    when: 'The key has reached its limit of open streams or exports.',
    remedy: 'Close a stream, or try again after the time in "Retry-After".',
    example: 'The limit of 10 streams per key is reached.',
  },
  'headers-too-large': {
    status: 431,
    title: 'Headers too large',
    when: 'The headers exceed 16 KiB in total.',
    remedy: 'Send fewer headers; cookies are never needed.',
  },
  'internal-error': {
    status: 500,
    title: 'Internal error',
    when: 'An unexpected error occurred. The log of the service contains the cause with the request id.',
    remedy: 'Repeat the request once; if it fails again, report it with the request id.',
    example: 'See the log of the service for this request id.',
  },
  unavailable: {
    status: 503,
    title: 'Service unavailable',
    when: 'The database or the token issuer does not respond, the service is overloaded, or too many streams are open.',
    remedy: 'Try again after the time in "Retry-After". A POST with an Idempotency-Key is safe to repeat.',
    example: 'The database does not answer. Try again in a few seconds.',
  },
  'not-ready': {
    status: 503,
    title: 'Not ready',
    when: 'The mirror is not ready, or not any more; "reasons" lists why.',
    remedy: 'Wait. A load balancer sends requests to another process in the meantime.',
    example: 'The database does not answer.',
  },
} as const satisfies Record<string, ProblemDescription>;

export type ProblemKind = keyof typeof problemKinds;
