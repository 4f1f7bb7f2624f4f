import type { Judgment } from './rule.ts';

// Source: "Status Codes and Error Responses", REST API guide.
const statuses: ReadonlyMap<number, Judgment> = new Map([
  [400, { failure: 'bug' }],
  [401, { failure: 'auth' }],
  [403, { failure: 'permission' }],
  [404, { failure: 'config', action: 'Check that the address is the one of the org.' }],
  [405, { failure: 'bug' }],
  [406, { failure: 'bug' }],
  [407, { failure: 'config', action: 'Give the proxy between Tidemark and Salesforce its credentials.' }],
  [408, { failure: 'transient' }],
  [409, { failure: 'transient' }],
  [
    410,
    {
      failure: 'config',
      setting: 'SALESFORCE_API_VERSION',
      action: 'Set SALESFORCE_API_VERSION to a version that Salesforce has not retired.',
    },
  ],
  [412, { failure: 'transient' }],
  [413, { failure: 'bug' }],
  [414, { failure: 'bug' }],
  [415, { failure: 'bug' }],
  [420, { failure: 'transient' }],
  [425, { failure: 'transient' }],
  [428, { failure: 'bug' }],
  [429, { failure: 'throttle' }],
  [431, { failure: 'bug' }],
  [501, { failure: 'config', action: 'Check that the address is the one of the org.' }],
]);

/** Classifies an HTTP status; undefined if it is no failure. */
export function judgeStatus(status: number): Judgment | undefined {
  const known = statuses.get(status);
  if (known !== undefined) return known;
  return status >= 500 && status < 600 ? { failure: 'transient' } : undefined;
}
