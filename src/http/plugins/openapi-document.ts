import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import type { Scope } from '../api-key.ts';
import { tidyDescription } from './openapi-transform.ts';

/** What the OpenAPI document says beyond the routes, and how schemas are named in it. */
export function describeApi(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tidemark API', version, description },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'Accounts', description: 'The mirrored accounts and their history.' },
        { name: 'Events', description: 'The log of change events.' },
        { name: 'Resyncs', description: 'Readings of records from Salesforce.' },
        { name: 'Write-backs', description: 'The signup codes on their way to Salesforce.' },
        {
          name: 'Webhooks',
          description: 'Changes that others send; each kind knows its senders in its own way.',
        },
        { name: 'Status', description: 'How the mirror is doing.' },
        { name: 'Health', description: 'For probes; needs no key.' },
        { name: 'Documentation', description: 'Needs no key.' },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'The secret of an API key.' },
          webhookSignature: {
            type: 'apiKey',
            in: 'header',
            name: 'webhook-signature',
            description:
              'Standard Webhooks: HMAC-SHA256 of `id.timestamp.body`, with a secret of WEBHOOK_SECRETS.',
          },
        },
      },
      security: [{ apiKey: [] }],
    },
    transform: ({ schema, url, route }) => ({ schema: withScope(schema, route.config?.scope), url }),
    transformObject: (document) =>
      'openapiObject' in document ? tidyDescription(document.openapiObject) : document.swaggerObject,
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `def-${index}`,
    },
  };
}

/** Says which scope a key needs, for people and for programs. */
function withScope(schema: FastifySchema, scope: Scope | undefined): FastifySchema {
  if (scope === undefined || schema.hide === true) return schema;
  const description = [schema.description, `Needs the scope \`${scope}\`.`].filter(Boolean).join('\n\n');
  return { ...schema, description, 'x-required-scope': scope } as FastifySchema;
}

const description = `An exact mirror of the accounts of a Salesforce org.

Send an API key as \`Authorization: Bearer <key>\`. A key has scopes; \`write\` includes \`read\`, \`admin\` both.

Lists answer \`data\` and \`nextCursor\`: send it as \`cursor\`, with all other parameters as they were, until it is null.
A \`Link\` header with \`rel="next"\` says the same.

With a read replica, a write is answered with \`Tidemark-Consistency\`: send it back with reads that have to see that write.
Without it a read may be up to five seconds old.

Errors are \`application/problem+json\` (RFC 9457). Branch on \`type\`; \`errors\` names the parameters at fault.
Every answer carries \`X-Request-Id\`; send your own to find it in the log.

Times are RFC 3339, in UTC. Numbers beyond 2^53 and ids are strings.`;
