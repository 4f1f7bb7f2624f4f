import type { StandingRule } from '../helpers/rest-gate.ts';
import type { Situation, SituationGroup } from './situation-list.ts';
import type { Transcript } from './situation-transcript.ts';
import type { SituationWorld } from './situation-world.ts';

const salesforceAway = (world: SituationWorld): StandingRule =>
  world.gate.meet({ path: /./, treatment: { kind: 'cut' } });

/** A start with the settings as they should be. */
async function showStart(world: SituationWorld, transcript: Transcript): Promise<void> {
  const service = await world.start();
  await service.until('healthy');
  await transcript.show(service);
  await service.stop();
}

const misspelled: Situation = {
  title: '7. A misspelled setting, with DATABASE_URL set',
  shows: {
    reason: null,
    sentence:
      'SALESFORCE_LOGIN_URI is not a setting; did you mean SALESFORCE_LOGIN_URL? Rename it or unset it',
    alert: 'TidemarkAbsent',
  },
  async play(world, transcript) {
    const url = world.gate.url;
    transcript.did('`SALESFORCE_LOGIN_URI` is set instead of `SALESFORCE_LOGIN_URL`.');
    const settings = { SALESFORCE_LOGIN_URL: '', SALESFORCE_LOGIN_URI: url };
    const service = await world.start(settings);
    await transcript.printed(service);
    await transcript.command(service, 'status');
    transcript.did('Only `DATABASE_URL` is set, and no setting of Salesforce.');
    const nothing = { SALESFORCE_LOGIN_URL: '', SALESFORCE_CLIENT_ID: '', SALESFORCE_CLIENT_SECRET: '' };
    await transcript.printed(await world.start({ ...nothing, API_KEYS: '' }));
    transcript.did('The settings have the correct names.');
    await showStart(world, transcript);
  },
};

const otherObject: Situation = {
  title: '8. `CDC_TOPIC` of another object',
  shows: {
    reason: null,
    sentence:
      'CDC_TOPIC: "/data/ContactChangeEvent" does not carry changes of Account; use /data/AccountChangeEvent, /data/ChangeEvents or a custom channel such as /data/Name__chn',
    alert: 'TidemarkAbsent',
  },
  async play(world, transcript) {
    for (const topic of ['/data/ContactChangeEvent', '/data/Nope__chn']) {
      transcript.did(`\`CDC_TOPIC=${topic}\``);
      await transcript.printed(await world.start({ CDC_TOPIC: topic }));
    }
    transcript.did('`CDC_TOPIC=/data/AccountChangeEvent`');
    await showStart(world, transcript);
  },
};

const startWhileAway: Situation = {
  title: '10a. A first start while Salesforce is unreachable',
  shows: {
    reason: 'stream-down',
    sentence: 'The stream of /data/AccountChangeEvent is down.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    transcript.did('Every connection to Salesforce fails. The database is empty.');
    const away = salesforceAway(world);
    const service = await world.start();
    await service.until('down', 'stream-down');
    await transcript.show(service);
    transcript.did('Salesforce is reachable again. Tidemark continues without an action.');
    away.release();
    await service.until('healthy');
    await transcript.show(service);
    await service.stop();
  },
};

const apiWhileAway: Situation = {
  title: '10b. A process with `ROLES=api` starts while Salesforce is unreachable',
  shows: {
    reason: 'no-leader',
    sentence: 'No process with the role sync holds the subscription to /data/AccountChangeEvent.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    transcript.did('The database of situation 10a, no other process, and no connection to Salesforce.');
    const away = salesforceAway(world);
    const service = await world.start({ ROLES: 'api' });
    await transcript.request(service, 'GET', '/v1/accounts?limit=1');
    await transcript.show(service);
    transcript.did(
      'Salesforce is reachable again, and a process with the role `sync` is started in addition.',
    );
    away.release();
    const sync = await world.start({ ROLES: 'sync' });
    await service.until('healthy');
    await transcript.show(service);
    await Promise.all([service.stop(), sync.stop()]);
  },
};

const unknownVersion: Situation = {
  title: '6b. Salesforce does not know the API version',
  shows: {
    reason: 'initial-load',
    sentence: 'The initial load is not complete. It failed.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    transcript.did('`SALESFORCE_API_VERSION=99.0`. The database is empty.');
    const service = await world.start({ SALESFORCE_API_VERSION: '99.0' });
    await service.until('down', 'It failed');
    await transcript.show(service);
    await service.stop();
    transcript.did('The service is restarted with the default.');
    await showStart(world, transcript);
  },
};

const bulkNotEnabled: Situation = {
  title: '6c. The Bulk API is not enabled',
  shows: {
    reason: null,
    sentence: 'Salesforce refuses bulk jobs; reading by queries',
    alert: null,
  },
  async play(world, transcript) {
    transcript.did(
      'The org refuses bulk jobs, and the initial load uses the Bulk API (`RESYNC_BULK_FROM=1` simulates an org with more than 10,000 accounts).',
    );
    const message = 'The Bulk API is not enabled for your organization or user type.';
    world.gate.meet({
      method: 'POST',
      path: /\/jobs\/query/,
      treatment: {
        kind: 'answer',
        status: 403,
        body: JSON.stringify([{ message, errorCode: 'FEATURENOTENABLED' }]),
      },
    });
    const service = await world.start({ RESYNC_BULK_FROM: '1' });
    await service.until('healthy');
    transcript.did('The accounts are read by queries instead.');
    await transcript.show(service);
    await service.stop();
  },
};

export const startingGroups: readonly SituationGroup[] = [
  { name: 'starting', situations: [startWhileAway, apiWhileAway, misspelled, otherObject] },
  { name: 'version', situations: [unknownVersion] },
  { name: 'bulk', situations: [bulkNotEnabled] },
];
