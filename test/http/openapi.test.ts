import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOpenapiCurrent } from '../../src/http/write-openapi.ts';
import type { DescribedOperation } from './conformity.ts';
import { startServer, type TestServer } from './start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

test('openapi.yaml is current (npm run openapi)', async () => {
  expect(await isOpenapiCurrent()).toBe(true);
});

describe('documented operations', () => {
  test('every operation has its own id, a summary and exactly one tag', () => {
    const ids = operations().map(([, operation]) => operation.operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [name, operation] of operations()) {
      expect(operation.summary, name).toMatch(/^[A-Z]/);
      expect(operation.tags, name).toHaveLength(1);
    }
  });

  test('every operation documents its responses, and its errors as problems', () => {
    for (const [name, { responses = {}, security }] of operations()) {
      const statuses = Object.keys(responses);
      expect(statuses, name).toEqual(expect.arrayContaining(['400', '500', '503']));
      if (security === undefined) expect(statuses, name).toEqual(expect.arrayContaining(['401', '403']));
      if (name.includes('{id}') && name.startsWith('get')) expect(statuses, name).toContain('404');
      for (const [status, response] of Object.entries(responses)) {
        // What is refused as XML as well stands with its operation.
        if (Number(status) >= 400 && name !== 'post /webhooks/outbound-messages')
          expect(response.$ref, `${name} ${status}`).toMatch(/responses/);
      }
    }
  });

  test('no operation has two parameters of one name in generated code, or a text beside its JSON', () => {
    for (const [name, { parameters = [], responses = {} }] of operations()) {
      const names = parameters.map((parameter) => parameter.name.replaceAll(/\W|_/g, '').toLowerCase());
      expect(new Set(names).size, name).toBe(names.length);
      for (const response of Object.values(responses)) {
        const types = Object.keys((response as { content?: object }).content ?? {});
        if (types.includes('application/json')) expect(types, name).toEqual(['application/json']);
      }
    }
  });

  test('every text parameter has a length limit', () => {
    for (const [name, { parameters = [] }] of operations()) {
      for (const { schema, name: parameter } of parameters) {
        const bounded = schema['type'] !== 'string' || 'maxLength' in schema || 'enum' in schema;
        expect(bounded, `${name}: ${parameter}`).toBe(true);
      }
    }
  });

  test('every text and every list of a body has a length limit', () => {
    for (const [name, operation] of ownOperations()) {
      const unbounded = JSON.stringify(
        'requestBody' in operation ? operation.requestBody : {},
        (_key, value) => (isUnbounded(value) ? 'UNBOUNDED' : value),
      );
      expect(unbounded, name).not.toContain('UNBOUNDED');
    }
  });

  test('no operation accepts a secret in its URL', () => {
    const names = operations()
      .flatMap(([, { parameters = [] }]) => parameters)
      .filter((parameter) => parameter.in !== 'header')
      .map(({ name }) => name);
    expect(names.filter((name) => /key$|secret|token|password/i.test(name))).toEqual([
      'transactionKey',
      'key',
    ]);
  });

  test('every POST accepts an Idempotency-Key except the one that may be repeated anyway', () => {
    const without = ownOperations()
      .filter(([name]) => name.startsWith('post'))
      .filter(([, { parameters = [] }]) => !parameters.some((one) => one.name === 'idempotency-key'))
      .map(([name]) => name);
    expect(without).toEqual(['post /v1/write-backs/retry']);
  });

  test('every operation refuses an unknown field of its body and names it', async () => {
    for (const [name] of ownOperations().filter(([, operation]) => 'requestBody' in operation)) {
      const [method, template = ''] = name.split(' ');
      if (method !== 'post' && method !== 'delete') throw new Error(`Untried: ${name}`);
      const response = await server.send(method, pathOf(template), {
        key: 'test-only-admin-key',
        body: { unheardOf: 1 },
      });
      expect(response.status, name).toBe(400);
      expect(response.body.errors, name).toContainEqual({
        field: 'unheardOf',
        message: 'is not a known field',
      });
    }
  });

  test('every operation refuses an unknown parameter', async () => {
    for (const [name] of ownOperations()) {
      const [method, template = ''] = name.split(' ');
      const path = pathOf(template);
      if (method !== 'get' && method !== 'post' && method !== 'delete') throw new Error(`Untried: ${name}`);
      const response = await server.send(
        method,
        `${path}?nonsense=x${template.endsWith('/diff') ? '&from=2026-11-23T10:00:00Z' : ''}`,
        {
          key: 'test-only-admin-key',
          ...(path === '/v1/resyncs' && method === 'post' ? { body: { scope: 'all' } } : {}),
          ...(name === 'post /v1/write-backs/retry' && { body: { errorCode: 'ANY' } }),
        },
      );
      expect(response.status, name).toBe(400);
      expect(response.body, name).toMatchObject({
        errors: [{ field: 'nonsense', message: 'is not a known parameter' }],
      });
    }
  });
});

test('the document is served and is OpenAPI 3.1', async () => {
  const response = await server.send('get', '/openapi.json', { key: '' });
  const servers = [{ url: '.', description: 'This server' }];
  expect(response.body).toEqual({ ...server.description, servers });
  expect(server.description.openapi).toBe('3.1.0');
});

test('every reference in the document can be resolved', () => {
  const references = JSON.stringify(server.description).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g);
  for (const [, kind, name] of references) {
    const { schemas, responses } = server.description.components;
    expect(Object.keys(kind === 'schemas' ? schemas : responses)).toContain(name);
  }
});

test('the document names its licence and contact and links to guides that are served', async () => {
  const { info, externalDocs, tags } = server.description;
  expect(info).toMatchObject({
    license: { identifier: 'Apache-2.0' },
    contact: { name: expect.any(String) },
  });
  const links = [externalDocs, ...tags.flatMap((tag) => tag.externalDocs ?? [])];
  expect(links.length).toBeGreaterThan(3);
  for (const { url } of links) {
    const guide = await server.send('get', `/${url}`, { key: '' });
    expect([guide.status, guide.text], url).toEqual([200, expect.stringMatching(/^# /)]);
  }
});

describe('the documentation pages', () => {
  test('the documentation page is made for phones, has a filter and an icon, and keeps the key', async () => {
    const { text } = await server.send('get', '/docs', { key: '' });
    expect(text).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    const icon = await server.send('get', '/docs/static/theme/favicon.svg', { key: '' });
    expect(icon.headers['content-type']).toContain('image/svg+xml');
    const { text: script } = await server.send('get', '/docs/static/swagger-initializer.js', { key: '' });
    expect(script).toContain('"persistAuthorization":true');
    expect(script).toContain('"filter":true');
  });

  test('the documentation pages are served with everything they load under their own policy', async () => {
    const page = await server.send('get', '/docs', { key: '' });
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("script-src 'self';");
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      const { pathname, host } = new URL(asset, `${server.url}/docs`);
      expect(host).toBe(new URL(server.url).host);
      expect((await server.send('get', pathname, { key: '' })).status, pathname).toBe(200);
    }
  });

  test('the documentation pages can not be used to read other files', async () => {
    for (const path of ['/docs/static/../../package.json', '/docs/static/%2e%2e/%2e%2e/package.json']) {
      expect((await server.send('get', path, { key: '' })).text).not.toContain('"dependencies"');
    }
  });
});

const account = '001al00000K3N1wAAF';
const pathOf = (template: string): string =>
  template
    .replace('{id}', template.includes('accounts') ? account : uuid)
    .replace('{accountId}', account)
    .replace('{name}', 'Industry');
const uuid = '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01';

function isUnbounded(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null || !('type' in schema)) return false;
  if (schema.type === 'string') return !('maxLength' in schema || 'enum' in schema);
  return schema.type === 'array' && !('maxItems' in schema);
}

/**
 * Those of the API itself. A webhook's body is of Salesforce's form and bounded as a whole, it is known by its own id,
 * and callers are authenticated first: no key is configured here.
 */
function ownOperations(): [string, DescribedOperation][] {
  return operations().filter(([, { tags }]) => tags?.includes('Webhooks') !== true);
}

function operations(): [string, DescribedOperation][] {
  return Object.entries(server.description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, DescribedOperation] => [
      `${method} ${path}`,
      operation,
    ]),
  );
}
