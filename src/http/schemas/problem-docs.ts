import { escapeMarkup } from '../escape-markup.ts';
import { kinds, type ProblemKind } from '../problem.ts';

type Explanation = {
  /** When it is answered. */
  readonly when: string;
  /** What a client does about it. */
  readonly remedy: string;
};

const explanations: Readonly<Record<ProblemKind, Explanation>> = {
  'invalid-request': {
    when: 'A parameter, a header or a field of the body is unknown, missing or not of the described form.',
    remedy: 'Correct what "errors" names. The same request is never accepted later.',
  },
  unauthenticated: {
    when: 'The request carries no API key, an unknown one, or a token that is not valid for this service.',
    remedy: 'Send a key as "Authorization: Bearer <key>", or a fresh token.',
  },
  'untrusted-sender': {
    when: 'A webhook is not signed with a known secret, is too old, or comes from an org that is not known.',
    remedy: 'Sign it anew with a secret of WEBHOOK_SECRETS; the service does not say what was wrong.',
  },
  forbidden: {
    when: 'The key or token is valid, but lacks the scope that "WWW-Authenticate" names.',
    remedy: 'Use a key with that scope. Write includes read, admin includes both.',
  },
  'not-found': {
    when: 'The URL is unknown, or the mirror holds nothing under this id.',
    remedy: 'Check the id. An account that was just created in Salesforce arrives a moment later.',
  },
  'before-history': {
    when: 'The account was already there at the moment asked for, but the history does not reach back to it.',
    remedy: 'Ask for a later moment; the detail says from when on it is known.',
  },
  'method-not-allowed': {
    when: 'The URL exists, but not for this method.',
    remedy: 'Use one of those in the header "Allow".',
  },
  'request-timeout': {
    when: 'The request did not arrive whole within 30 seconds, or its headers within 15.',
    remedy: 'Send it again, on a new connection.',
  },
  conflict: {
    when: 'What is asked for does not fit the state that the thing is in.',
    remedy: 'Read it again, and decide again.',
  },
  'still-running': {
    when: 'The first request with this Idempotency-Key has no answer yet.',
    remedy: 'Repeat it a few seconds later.',
  },
  'payload-too-large': {
    when: 'The body is larger than this operation takes.',
    remedy: 'Send less at a time.',
  },
  'unsupported-media-type': {
    when: 'The body has another type than the operation takes, or is compressed.',
    remedy: 'Send JSON as application/json, without Content-Encoding.',
  },
  'invalid-event': {
    when: 'A change event names a field that the object does not have, or brings a value that does not fit its field.',
    remedy:
      'Correct what "errors" names. A field that was just added is known after the first event of the stream.',
  },
  'key-reused': {
    when: 'This Idempotency-Key came with another request within the last day.',
    remedy: 'Take a new key for a new request.',
  },
  'too-many-requests': {
    when: 'The key, or the address where no valid key was sent, has used up its requests of this minute, or has too many under way.',
    remedy: 'Wait for as many seconds as "Retry-After" says. "RateLimit" tells in every answer what is left.',
  },
  'too-many-streams': {
    when: 'The key has as many streams or exports open as one may have.',
    remedy: 'Close one that is not needed, or try again after "Retry-After".',
  },
  'headers-too-large': {
    when: 'The headers have more than 16 KiB together.',
    remedy: 'Send fewer; cookies are never needed.',
  },
  'internal-error': {
    when: 'Something failed that should not. The log of the service has the cause under the request id.',
    remedy: 'Repeat it once; report it with the request id if it stays.',
  },
  unavailable: {
    when: 'The database, or the issuer of tokens, does not answer, or there is too much to do, or too many streams are open, at the moment.',
    remedy: 'Try again after "Retry-After". A POST is repeated safely with an Idempotency-Key.',
  },
  'not-ready': {
    when: 'The mirror can not be relied on yet or at the moment; "reasons" says why.',
    remedy: 'Wait. Whoever balances load sends requests to another process meanwhile.',
  },
};

/** A page with a paragraph for every kind of problem, under the anchor that its type names. */
export function problemsPage(style: string): string {
  const items = Object.entries(explanations).map(([kind, { when, remedy }]) => {
    const { status, title } = kinds[kind as ProblemKind];
    return `<section id="${kind}"><h2>${status} ${title}</h2><p><code>${kind}</code></p>
<p>${escapeMarkup(when)}</p><p>${escapeMarkup(remedy)}</p></section>`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Problems – Tidemark API</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body><main>
<h1>Problems</h1>
<p>Every failure is answered as <code>application/problem+json</code> (RFC 9457). Its <code>type</code> is the address of
a paragraph of this page, and stays the same from version to version; branch on it, or on the status.</p>
${items.join('\n')}
</main></body></html>
`;
}
