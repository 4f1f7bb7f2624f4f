import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { bits } from '../../helpers/change-events.ts';
import { accountTopic, type LiveMirror } from '../../helpers/live-mirror.ts';

/** A change of parts of an address whose bitmap comes without one for the top level. */
export async function loneBitmapIsRead(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  mirror.publish({
    header: { recordIds: [id], changedFields: bits('BillingAddress.Latitude', 'BillingAddress.Longitude') },
    fields: { BillingAddress: { Latitude: 54.32, Longitude: 10.14 } },
  });
  await mirror.settled();
  const { BillingAddress: address } = (await mirror.account(id)).fields as { BillingAddress: object };
  ok(Object.entries(address).flat().includes(54.32), 'the lone bitmap is read');
}

/** What an UPDATE does not name stays, whether it comes empty or, on an enriched channel, filled. */
export async function unnamedFieldsStay(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  await mirror.salesforce.update(id, { Description: 'as it was', AnnualRevenue: 7 });
  await mirror.settled();
  mirror.publish({
    header: { recordIds: [id], changedFields: bits('Industry') },
    fields: { Industry: 'Energy', Description: null, AnnualRevenue: 1_000_000 },
  });
  await mirror.settled();
  const { Industry, Description, AnnualRevenue } = (await mirror.account(id)).fields;
  deepEqual([Industry, Description, AnnualRevenue], ['Energy', 'as it was', 7], 'unnamed fields stay');
}

/** A text sent as a diff is read from Salesforce as a whole. */
export async function diffIsReadAgain(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  mirror.changeSilently(id, { Description: 'the whole new text' });
  mirror.publish({
    header: { recordIds: [id], changedFields: bits('Description'), diffFields: bits('Description') },
    fields: { Description: '--- \n+++ 0f343b0931126a20f133d67c2b018a3b\n@@ -1,1 +1,1 @@\n-old\n+new' },
  });
  await mirror.settled();
  await mirror.worked();
  const { fields, stale } = await mirror.account(id);
  deepEqual([fields['Description'], stale], ['the whole new text', false], 'the whole text is read');
}

/** Events of two schemas follow each other on one topic. */
export async function eachEventHasItsSchema(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  await mirror.salesforce.update(id, { Phone: '1' });
  mirror.simulator.org.addField({ name: 'Tier__c', type: 'string', length: 20 });
  await mirror.salesforce.update(id, { Tier__c: 'gold', Phone: '2' });
  const tier = async () => (await mirror.account(id)).fields['Tier__c'];
  const before = await failedEvents(mirror);
  await mirror.until(
    'the new field is there or an event has failed',
    async () => (await tier()) === 'gold' || (await failedEvents(mirror)).length > before.length,
  );
  deepEqual(await failedEvents(mirror), before, 'events of both schemas are decoded');
}

/** While Salesforce can't give a schema, the event that needs it waits, and those behind it wait for it. */
export async function nothingOvertakesAMissingSchema(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  const known = mirror.publish({ header: { recordIds: [id], changedFields: bits('Industry') } });
  await mirror.settled();
  const before = await failedEvents(mirror);
  const { refuse } = mirror.simulator.faults.stream;
  refuse.on({ calls: ['GetSchema'], errorCode: 'schema.api.unavailable' });
  mirror.simulator.org.addField({ name: 'Level__c', type: 'string', length: 20 });
  await mirror.salesforce.update(id, { Level__c: 'high' });
  const behind = mirror.publish({ header: { recordIds: [id], changedFields: bits('Industry') } });
  // An event that counts as broken is set aside once its transaction is whole: until then it could still be decoded.
  await mirror.until(
    'the schema is refused again, or the event given up',
    async () => (refuse.active()[0]?.struck ?? 0) > 1 || (await failedEvents(mirror)).length > before.length,
  );
  refuse.off();
  await mirror.settled();
  const events = (await mirror.events(`recordId=${id}`)).filter(({ eventId }) => eventId !== known);
  deepEqual(
    events.map(({ state }) => state),
    ['applied', 'applied'],
    'the event is applied when its schema is there',
  );
  equal(events[0]?.eventId, behind, 'the event behind it is applied behind it');
}

/** An event that can't be decoded is kept and shown, what it hid is read, and the events behind it go on. */
export async function undecodableEventIsKept(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  mirror.changeSilently(id, { Fax: 'in the broken event' });
  const before = await failedEvents(mirror);
  const eventId = randomUUID();
  const schemaId = mirror.simulator.bus.topic(accountTopic)?.schemaId() ?? '';
  mirror.simulator.bus.publishRaw(accountTopic, { id: eventId, schemaId, payload: Buffer.from([0x81]) });
  await mirror.settled();
  deepEqual(await failedEvents(mirror), [eventId, ...before], 'the broken event is kept as failed');
  await mirror.healed();
  equal((await mirror.account(id)).fields['Fax'], 'in the broken event', 'what it hid is read');
}

/** Ids of the events without effect, newest first. */
async function failedEvents(mirror: LiveMirror): Promise<string[]> {
  return (await mirror.failedEvents()).map(({ eventId }) => eventId);
}
