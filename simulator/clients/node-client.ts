import assert from 'node:assert/strict';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/**
 * Runs the community Node client against a simulator with TLS: every sign-in, three changes of an account, and the
 * same events again from the earliest one and from a replay id. See "Clients" in the README.
 *
 * node clients/node-client.ts FOLDER_OF_THE_CLIENT/src/client.js [https://127.0.0.1:8080]
 */
const [clientFile = '', simulatorUrl = 'https://127.0.0.1:8080'] = process.argv.slice(2);
const { default: PubSubApiClient } = await import(pathToFileURL(clientFile).href);
const { credentials, pubsubEndpoint } = await json('GET', `${simulatorUrl}/simulator`);
const { clientId, clientSecret, password, privateKey, securityToken, username } = credentials;
const form = new URLSearchParams({
  grant_type: 'client_credentials',
  client_id: clientId,
  client_secret: clientSecret,
});
const token = await json('POST', `${simulatorUrl}/services/oauth2/token`, form);

const loginUrl = simulatorUrl;
const userSupplied = { accessToken: token.access_token, instanceUrl: token.instance_url };
const signIns = {
  'user-supplied': userSupplied,
  'username-password': { loginUrl, username, password, userToken: securityToken },
  'oauth-client-credentials': { loginUrl, clientId, clientSecret },
  'oauth-jwt-bearer': { loginUrl, clientId, username, privateKey },
};
let lastReplayId = 0;
for (const [authType, options] of Object.entries(signIns)) {
  const events = await subscribe({ authType, ...options }, 'subscribe');
  await wait(1000); // The client does not report that it is subscribed.
  await changeAccount();
  const [created, updated, deleted] = await events.received;
  assert.ok(created && updated && deleted);
  assert.equal(created.payload.BillingAddress.City, 'Paris');
  assert.equal(created.payload.AnnualRevenue, 1.5);
  const { changedFields } = updated.payload.ChangeEventHeader;
  assert.deepEqual(changedFields.toSorted(), ['BillingAddress.City', 'LastModifiedDate', 'Phone']);
  assert.equal(deleted.payload.ChangeEventHeader.changeType, 'DELETE');
  lastReplayId = created.replayId;
  process.stdout.write(`${authType}: created, updated, deleted\n`);
}
for (const [how, ...position] of [['subscribeFromEarliestEvent'], ['subscribeFromReplayId', lastReplayId]]) {
  const events = await subscribe({ authType: 'user-supplied', ...userSupplied }, String(how), ...position);
  const types = (await events.received).map(({ payload }) => payload.ChangeEventHeader.changeType);
  process.stdout.write(`${how}: ${types.join(', ')}\n`);
}
process.exit();

/** Subscribes to three events, or to two after a position. */
async function subscribe(options: object, how: string, ...position: unknown[]) {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const client = new PubSubApiClient({ ...options, pubSubEndpoint: pubsubEndpoint }, quiet);
  await client.connect();
  const count = position.length === 0 ? 3 : 2;
  const received = new Promise<DecodedEvent[]>((resolve, reject) => {
    const list: DecodedEvent[] = [];
    const onMessage = (_subscription: unknown, type: string, data: DecodedEvent) => {
      if (type === 'error') reject(data);
      if (type === 'event' && list.push(data) === count) resolve(list);
    };
    client[how]('/data/AccountChangeEvent', onMessage, count, ...position);
  }).finally(() => client.close());
  return { received };
}

async function changeAccount(): Promise<void> {
  const accounts = `${simulatorUrl}/services/data/v66.0/sobjects/Account`;
  const write = (method: string, url: string, body?: object) => json(method, url, body, token.access_token);
  const { id } = await write('POST', accounts, { Name: 'Ada', BillingCity: 'Paris', AnnualRevenue: 1.5 });
  await write('PATCH', `${accounts}/${id}`, { BillingCity: 'Rome', Phone: '1' });
  await write('DELETE', `${accounts}/${id}`);
}

async function json(method: string, url: string, body?: object, accessToken?: string) {
  const isForm = body instanceof URLSearchParams;
  const response = await fetch(url, {
    method,
    headers: {
      ...(accessToken && { authorization: `Bearer ${accessToken}` }),
      ...(body && !isForm && { 'content-type': 'application/json' }),
    },
    ...(body && { body: isForm ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, text);
  return text === '' ? undefined : JSON.parse(text);
}

type DecodedEvent = {
  readonly replayId: number;
  readonly payload: {
    readonly BillingAddress: { readonly City: string };
    readonly AnnualRevenue: number;
    readonly ChangeEventHeader: { readonly changeType: string; readonly changedFields: string[] };
  };
};
