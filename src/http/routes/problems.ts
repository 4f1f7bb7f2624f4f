import { createHash } from 'node:crypto';
import { escapeMarkup } from '../problem.ts';
import { problemKinds } from '../problem-kinds.ts';
import type { Server } from '../server-types.ts';

/** Serves the documentation of all problems, with an anchor for the `type` of each. */
export function registerProblemsPage(app: Server): void {
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('content-security-policy', contentSecurityPolicy)
      .type('text/html; charset=utf-8')
      .send(page),
  );
}

const style = `main{max-width:44em;margin:2em auto;padding:0 1em;font:1rem/1.5 system-ui,sans-serif}
section{border-top:1px solid #ccc}section:target{background:#fff6d6}h2{font-size:1.1rem}`;

const sections = Object.entries(problemKinds).map(
  ([kind, { status, title, when, remedy }]) =>
    `<section id="${kind}"><h2>${status} ${title}</h2><p><code>${kind}</code></p>
<p>${escapeMarkup(when)}</p><p>${escapeMarkup(remedy)}</p></section>`,
);

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Problems – Tidemark API</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body><main>
<h1>Problems</h1>
<p>Every error response is <code>application/problem+json</code> (RFC 9457). Its <code>type</code> is the address of
a section of this page and never changes; branch on it, or on the status.</p>
${sections.join('\n')}
</main></body></html>
`;

const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
