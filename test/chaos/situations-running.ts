import { healthyService } from './healthy-service.ts';
import type { Situation, SituationGroup } from './situation-list.ts';

const databaseFull: Situation = {
  title: '2. The disk of the database is full',
  shows: {
    reason: 'database-full',
    sentence: 'Changes are not being stored: the disk of the database is full.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    const service = await healthyService(world);
    transcript.did(
      'PostgreSQL refuses to store events because its disk is full (SQLSTATE 53100). An account is created.',
    );
    await world.sql(`create function refuse_events() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
    await world.sql('create trigger refuse_events before insert on events execute function refuse_events()');
    await world.salesforce().create({ Name: 'Created while the disk is full' });
    await service.until('down');
    await transcript.show(service);
    transcript.did('The disk has free space again. Tidemark continues without an action.');
    await world.sql('drop trigger refuse_events on events');
    await world.sql('drop function refuse_events');
    await service.until('healthy');
    await transcript.show(service);
  },
};

const userDeactivated: Situation = {
  title: '4. The integration user is deactivated',
  shows: {
    reason: 'stream-stopped',
    sentence: 'The stream of /data/AccountChangeEvent is stopped.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    const service = await healthyService(world);
    const { oauth, stream } = world.simulator.faults;
    transcript.did(
      'An administrator deactivates the integration user: its sessions end, and signing in is refused.',
    );
    oauth.fail.on({ how: 'inactive_user' });
    world.simulator.sessions.revokeAll();
    stream.end.now({ errorCode: 'service.auth.error' });
    await service.until('down', 'stream-stopped');
    await transcript.show(service);
    transcript.did('The user is activated again, and Tidemark is asked to reconnect.');
    oauth.fail.off();
    await transcript.request(service, 'POST', '/v1/subscription/reconnect');
    await service.until('healthy');
    await transcript.show(service);
  },
};

const codesRefused: Situation = {
  title: '5. A validation rule refuses all codes',
  shows: {
    reason: 'codes-failed',
    sentence: '3 signup codes were refused by Salesforce (FIELD_CUSTOM_VALIDATION_EXCEPTION).',
    alert: 'TidemarkCodesFailed',
  },
  async play(world, transcript) {
    const service = await healthyService(world);
    const { records } = world.simulator.faults;
    const errorCode = 'FIELD_CUSTOM_VALIDATION_EXCEPTION';
    transcript.did('A validation rule refuses every change by Tidemark. Three accounts are created.');
    records.refused.on({ errorCode, client: 'Tidemark' });
    await world.salesforce().createMany(['Alder', 'Birch', 'Cedar'].map((Name) => ({ Name })));
    await service.until('degraded', 'codes-failed');
    await transcript.show(service);
    transcript.did('The rule is corrected, and the codes are sent again.');
    records.refused.off();
    await transcript.request(service, 'POST', '/v1/write-backs/retry', { errorCode });
    await service.until('healthy');
    await transcript.show(service);
  },
};

const schemaRefused: Situation = {
  title: '6a. The integration user may not read a new schema',
  shows: {
    reason: 'apply-failing',
    sentence: 'Stored changes cannot be applied.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    const service = await healthyService(world);
    const { stream } = world.simulator.faults;
    transcript.did(
      'Account has a new field, and the integration user has lost the permission to read schemas. An account is created.',
    );
    stream.refuse.on({ calls: ['GetSchema'], errorCode: 'schema.meta.permission' });
    world.simulator.org.addField({ name: 'Region__c', type: 'string', length: 20 });
    await world.salesforce().create({ Name: 'Created with a new schema', Region__c: 'North' });
    await service.until('down', 'apply-failing');
    await transcript.show(service);
    transcript.did('The permission is granted. Tidemark continues without an action.');
    stream.refuse.off();
    await service.until('healthy');
    await transcript.show(service);
  },
};

const differencesFound: Situation = {
  title: '9. A comparison finds differences',
  shows: {
    reason: 'differences',
    sentence: 'A comparison found accounts that differ from Salesforce.',
    alert: 'TidemarkDifferences',
  },
  async play(world, transcript) {
    const service = await healthyService(world);
    transcript.did('An account has changed in Salesforce without an event. All accounts are compared.');
    world.changeSilently('Changed without an event');
    await transcript.command(service, 'resync', '--all', '--mode', 'verify');
    await transcript.show(service);
    transcript.did('The differences are repaired.');
    await transcript.command(service, 'resync', '--all');
    await service.until('healthy');
    await transcript.show(service);
  },
};

export const runningGroups: readonly SituationGroup[] = [
  { name: 'running', situations: [databaseFull, userDeactivated, codesRefused, schemaRefused] },
  { name: 'comparison', situations: [differencesFound] },
];
