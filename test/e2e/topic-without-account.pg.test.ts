import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate, type RestGate, type StandingRule } from '../helpers/rest-gate.ts';

type Status = { readonly health: string; readonly reasons: readonly { code: string; action: string }[] };

let gate: RestGate;
let mirror: LiveMirror;
let members: StandingRule;

beforeAll(async () => {
  gate = await openRestGate();
  members = gate.meet({
    path: /\/tooling\/query/,
    treatment: {
      kind: 'answer',
      status: 200,
      type: 'application/json',
      body: JSON.stringify({
        records: [{ EventChannel: 'ChangeEvents', SelectedEntity: 'ContactChangeEvent' }],
      }),
    },
  });
  mirror = await openMirror({ gate });
});
afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
});

it('a channel for which Account is not selected is a reason until it is selected, or cannot be known any more', async () => {
  const status = (): Promise<Status> => mirror.get('/v1/status');
  const found = await mirror.until('the reason is there', async () =>
    (await status()).reasons.find(({ code }) => code === 'topic-without-account'),
  );
  expect(found.action).toContain('Select Account for this channel');
  expect((await status()).health).toBe('degraded');
  // The simulator has no Tooling API: from here on it cannot be known.
  members.release();
  await mirror.until('the reason is gone', async () => (await status()).reasons.length === 0);
});
