import type { RecordValues } from 'salesforce-simulator/org/model.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate, type RestGate, type Treatment } from '../helpers/rest-gate.ts';

describe('signing in again while the service runs', () => {
  const gates: RestGate[] = [];
  let mirror: LiveMirror;

  beforeAll(async () => {
    gates.push(await openRestGate(), await openRestGate());
    const [gate] = gates;
    mirror = await openMirror({ ...(gate && { gate }) });
    for (const each of gates) each.forwardTo(mirror.simulator.instanceUrl);
  });

  afterAll(async () => {
    await mirror?.[Symbol.asyncDispose]();
    for (const gate of gates) await gate[Symbol.asyncDispose]();
  });

  afterEach(() => {
    mirror.simulator.faults.oauth.fail.off();
    mirror.simulator.faults.stream.refuse.off();
  });

  // Past the REST API: the tokens of the tests end too.
  const update = (id: string, values: RecordValues): void =>
    void mirror.inOneTransaction((tx) => tx.update(id, values));
  const create = (name: string): string => {
    const result = mirror.inOneTransaction((tx) => tx.insert({ Name: name }));
    if (!result.success) throw new Error(`${name} could not be created`);
    return result.id;
  };
  const subscription = async () => (await mirror.status()).subscription;
  const endSessions = (): void => {
    mirror.simulator.sessions.revokeAll();
    mirror.simulator.faults.stream.end.now({ errorCode: 'service.auth.error' });
  };
  /** Whether events, readings and codes all get through: that needs the stream, lookups and REST. */
  const expectToWork = async (site: string): Promise<void> => {
    const [id = ''] = mirror.accountIds();
    update(id, { Site: site });
    const created = create(site);
    await mirror.accountWhen(id, `${site}: the event is applied`, ({ fields }) => fields['Site'] === site);
    await mirror.accountWhen(
      created,
      `${site}: its code is written`,
      ({ codeState }) => codeState === 'confirmed',
    );
  };

  it('fresh tokens that the Pub/Sub API refuses are reported while REST works on', async () => {
    mirror.simulator.faults.stream.refuse.on({ calls: ['Subscribe'] });
    mirror.simulator.disconnectStreams();
    const shown = await mirror.until('the refusals are shown', async () => {
      const { state, lastError } = await subscription();
      return state === 'stopped' && lastError?.code === 'FRESH_TOKENS_REFUSED' && lastError;
    });
    expect(shown).toMatchObject({
      code: 'FRESH_TOKENS_REFUSED',
      class: 'permission',
      message: expect.stringContaining('Pub/Sub API refuses them: The simulator ended this call'),
    });
    const [id = ''] = mirror.accountIds();
    mirror.changeSilently(id, { Site: 'read meanwhile' });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.accountWhen(id, 'it is read', ({ fields }) => fields['Site'] === 'read meanwhile');
    mirror.simulator.faults.stream.refuse.off();
    await expectToWork('the stream is accepted again');
  });

  it('a deactivated user is the reported reason why the stream stops, and the service recovers once the user is active', async () => {
    mirror.simulator.faults.oauth.fail.on({ how: 'inactive_user' });
    endSessions();
    const shown = await mirror.until('the refusal is shown', async () => {
      const { state, lastError } = await subscription();
      return state === 'stopped' && lastError?.code === 'inactive_user' && lastError;
    });
    expect(shown).toMatchObject({
      code: 'inactive_user',
      class: 'permission',
      message: 'user is inactive',
      action: 'Activate the integration user in Salesforce (Setup → Users).',
    });
    await mirror.until('the service is not ready', async () => {
      return (await fetch(`${mirror.tidemark.url}/health/ready`)).status === 503;
    });
    mirror.simulator.faults.oauth.fail.off();
    await expectToWork('the user is active again');
    expect((await subscription()).state).toBe('streaming');
  });

  it.each(['invalid_grant', 'unavailable', 'cut-before'] as const)(
    'the service recovers from a failing token endpoint (%s) although the stream, a schema and a resync all ask for tokens',
    async (how) => {
      const [id = ''] = mirror.accountIds();
      const { faults, org } = mirror.simulator;
      faults.oauth.fail.on({ how });
      mirror.simulator.sessions.revokeAll();
      // An event with a new schema waits for it, a resync and a code wait for REST.
      const field = `Asked_${how.replace(/\W/g, '_')}__c`;
      org.addField({ name: field, type: 'string', length: 20 });
      update(id, { [field]: how });
      const created = create(how);
      await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
      faults.stream.end.now({ errorCode: 'service.auth.error' });
      const classes = new Set<string>();
      await mirror.until('it was refused often', async () => {
        const { state, lastError } = await subscription();
        if (lastError !== null && ['waiting', 'stopped'].includes(state)) classes.add(lastError.class);
        return (faults.oauth.fail.active()[0]?.struck ?? 0) >= 3;
      });
      expect(classes).toEqual(new Set([how === 'invalid_grant' ? 'config' : 'transient']));
      faults.oauth.fail.off();
      // The transaction of the last event before the stream ended is whole once another event follows.
      create(`${how} is over`);
      await mirror.accountWhen(id, 'the event is applied', ({ fields }) => fields[field] === how);
      await mirror.accountWhen(created, 'its code is written', ({ codeState }) => codeState === 'confirmed');
      await mirror.healed();
    },
  );

  const treatments: readonly (readonly [string, Treatment])[] = [
    [
      'refuses every token',
      {
        kind: 'answer',
        status: 401,
        body: '[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]',
      },
    ],
    ['redirects', { kind: 'answer', status: 302, body: '' }],
    ['cuts connections', { kind: 'cut' }],
    ['has a page for people', { kind: 'answer', status: 404, body: '<html>gone</html>', type: 'text/html' }],
    ['is down', { kind: 'answer', status: 503, body: '' }],
  ];
  it.each(treatments)(
    'an org that moves to another instance is followed there when the old host %s',
    async (what, treatment) => {
      const [from, to] = gates;
      if (from === undefined || to === undefined) throw new Error('two gates are needed');
      gates.reverse();
      mirror.simulator.moveTo(to.url);
      const old = from.meet({ path: /.*/, treatment });
      const arrived = to.meet({ path: /\/composite\/sobjects/, treatment: { kind: 'hold' } });
      const created = create(what);
      await mirror.until('the code is sent to the new address', async () => arrived.met > 0);
      arrived.release();
      await mirror.accountWhen(created, 'its code is written', ({ codeState }) => codeState === 'confirmed');
      await expectToWork(`after the move: ${what}`);
      expect(old.met).toBeGreaterThan(0);
      old.release();
    },
  );
});
