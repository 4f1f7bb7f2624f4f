import { createHash } from 'node:crypto';
import { problemsPage } from '../schemas/problem-docs.ts';
import type { Server } from '../server-type.ts';

/** The page that the types of problems lead to. */
export function registerProblemsPage(app: Server): void {
  const page = problemsPage(style);
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('content-security-policy', contentSecurityPolicy)
      .type('text/html; charset=utf-8')
      .send(page),
  );
}

const style = `main{max-width:44em;margin:2em auto;padding:0 1em;font:1rem/1.5 system-ui,sans-serif}
section{border-top:1px solid #ccc}section:target{background:#fff6d6}h2{font-size:1.1rem}`;

const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
