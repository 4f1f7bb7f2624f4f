import { readFile } from 'node:fs/promises';
import { Problem } from '../problem.ts';
import type { Server } from '../server-types.ts';

/** Pages of the folder docs for users of the API. The OpenAPI document links to them. */
export const guides = [
  'api',
  'account-list',
  'webhooks',
  'write-back',
  'operations',
  'cli',
  'glossary',
] as const;
export type Guide = (typeof guides)[number];

/** The URL of a guide, relative to the root of the API and of the repository. */
export function guideUrl(guide: Guide): string {
  return `docs/${guide}.md`;
}

/** Serves the guides as they are: Markdown. Links between them work. */
export function registerGuides(app: Server): void {
  for (const guide of guides) {
    const file = new URL(`../../../${guideUrl(guide)}`, import.meta.url);
    app.get(`/${guideUrl(guide)}`, { schema: { hide: true } }, async (_request, reply) => {
      const text = await readFile(file, 'utf8').catch(() => {
        throw new Problem('not-found', 'This installation does not contain the guides.');
      });
      return reply.type('text/plain; charset=utf-8').send(text);
    });
  }
}
