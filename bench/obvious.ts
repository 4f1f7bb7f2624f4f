// The obvious implementation: the community's Pub/Sub client, and an upsert by Prisma for every event, in order.
// It has no event log, no position, no versions; it is here to be compared with.
import PubSubApiClient from 'salesforce-pubsub-api-client';
import { openDatabase } from '../src/db/database.ts';

const {
  DATABASE_URL = '',
  PUBSUB_ENDPOINT = '',
  LOGIN_URL = '',
  CLIENT_ID = '',
  CLIENT_SECRET = '',
  EVENTS,
  WARM,
} = process.env;
const { prisma, pool } = openDatabase({
  url: DATABASE_URL,
  schema: 'obvious',
  max: 10,
  applicationName: 'obvious',
  onError: () => {},
});
await pool.query(`create schema obvious; create table obvious.accounts (like public.accounts);
  alter table obvious.accounts add primary key (id)`);
const client = new PubSubApiClient(
  {
    authType: 'oauth-client-credentials',
    loginUrl: LOGIN_URL,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    pubSubEndpoint: PUBSUB_ENDPOINT,
    rejectUnauthorizedSsl: false,
  },
  {
    debug() {},
    info() {},
    warn() {},
    error: (...all: unknown[]) => process.stderr.write(`${all.join(' ')}\n`),
  },
);
await client.connect();

let done = 0;
let begin = 0;
let last: Promise<void> = Promise.resolve();
await client.subscribeFromEarliestEvent('/data/AccountChangeEvent', (_subscription, type, data) => {
  if (type !== 'event') return;
  last = last.then(() => apply((data as { payload: Payload }).payload));
});

async function apply({ ChangeEventHeader: header, ...fields }: Payload): Promise<void> {
  const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
  const json = JSON.parse(
    JSON.stringify(present, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
  );
  const name = typeof fields['Name'] === 'string' ? { name: fields['Name'] } : {};
  for (const id of header.recordIds) {
    const now = new Date();
    await prisma.account.upsert({
      where: { id },
      create: {
        id,
        fields: json,
        baseVersion: '',
        fieldVersions: {},
        deleted: false,
        codeState: 'none',
        codeAttempts: 0,
        codeDueAt: now,
        codeTries: 0,
        codeRefusals: 0,
        codeReplaces: [],
        revision: 1,
        historyLength: 0,
        replacedFields: [],
        version: '',
        syncedAt: now,
        changedAt: now,
        ...name,
      },
      update: { fields: json, syncedAt: now, changedAt: now, ...name },
    });
  }
  done++;
  if (done === Number(WARM)) begin = performance.now();
  if (done === Number(EVENTS)) {
    process.send?.({ rate: (done - Number(WARM)) / ((performance.now() - begin) / 1000) });
  }
}

type Payload = { readonly ChangeEventHeader: { readonly recordIds: readonly string[] } } & Record<
  string,
  unknown
>;
