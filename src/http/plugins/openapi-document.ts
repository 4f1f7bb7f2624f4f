import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import type { Scope } from '../api-key.ts';
import { type Guide, guideUrl } from '../routes/guides.ts';
import { transformDocument } from './openapi-transform.ts';

/** The parts of the OpenAPI document that are not in the routes. */
export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tidemark API',
        version,
        description,
        license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
        contact: { name: 'The operator of this service' },
      },
      externalDocs: { url: guideUrl('api'), description: 'Using the API' },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        {
          name: 'Accounts',
          description: 'The mirrored accounts and their history.',
          externalDocs: guide('account-list', 'The list of accounts'),
        },
        { name: 'Events', description: 'The log of change events.' },
        {
          name: 'Resyncs',
          description: 'Reads of records from Salesforce.',
          externalDocs: guide('operations', 'Operations'),
        },
        {
          name: 'Write-backs',
          description: 'Writes of signup codes to Salesforce.',
          externalDocs: guide('write-back', 'Write-back'),
        },
        {
          name: 'Webhooks',
          description: 'Changes sent by other systems, with their own authentication.',
          externalDocs: guide('webhooks', 'Webhooks'),
        },
        {
          name: 'Status',
          description: 'The state of the mirror.',
          externalDocs: guide('operations', 'Operations'),
        },
        { name: 'System', description: 'The service itself: processes, settings, keys and what they did.' },
        { name: 'Health', description: 'Health checks; no API key required.' },
        { name: 'Documentation', description: 'No API key required.' },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'The secret of an API key.' },
          webhookSignature: {
            type: 'apiKey',
            in: 'header',
            name: 'webhook-signature',
            description:
              'Standard Webhooks: HMAC-SHA256 of `id.timestamp.body` with a secret of WEBHOOK_SECRETS.',
          },
        },
      },
      security: [{ apiKey: [] }],
    },
    transform: ({ schema, url, route }) => ({ schema: withScope(schema, route.config?.scope), url }),
    transformObject: (document) =>
      'openapiObject' in document ? transformDocument(document.openapiObject) : document.swaggerObject,
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `def-${index}`,
    },
  };
}

const guide = (name: Guide, description: string) => ({ url: guideUrl(name), description });

/** The document for a URL from which `root` leads to the root of the API: a proxy may add a prefix to the path. */
export function servedAt<T extends object>(root: string, document: T): T {
  return { ...document, servers: [{ url: root, description: 'This server' }] };
}

/** Adds the required scope to the description, and as `x-required-scope`. */
function withScope(schema: FastifySchema, scope: Scope | undefined): FastifySchema {
  if (scope === undefined || schema.hide === true) return schema;
  const description = [schema.description, `Requires the scope \`${scope}\`.`].filter(Boolean).join('\n\n');
  return { ...schema, description, 'x-required-scope': scope } as FastifySchema;
}

const description = `An exact mirror of the accounts of a Salesforce org.

Send an API key as \`Authorization: Bearer <key>\`. A key has scopes; \`write\` includes \`read\`, \`admin\` includes both.

Lists return \`data\` and \`nextCursor\`: send it as \`cursor\`, with all other parameters unchanged, until it is null.
A \`Link\` header with \`rel="next"\` contains the same URL.

URLs in \`Link\` and \`Location\` are relative to that of the request: they are valid behind a proxy that adds a prefix.

With a read replica, the response to a write has a \`Tidemark-Consistency\` header: send it back with reads that must
include that write. Without it, a read may be up to five seconds old.

Errors are \`application/problem+json\` (RFC 9457). Branch on \`type\`; \`errors\` names the invalid parameters.
Every response has an \`X-Request-Id\`; send your own to find the request in the log.

Times are RFC 3339, in UTC. Numbers above 2^53 and ids are strings.`;
