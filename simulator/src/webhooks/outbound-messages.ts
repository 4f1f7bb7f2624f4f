import { valueJson } from '../http/record-json.ts';
import { escapeXml } from '../http/soap-envelope.ts';
import type { Audit } from '../org/audit.ts';
import { isCompound } from '../org/compound-fields.ts';
import type { FieldDefinition, Org, OrgRecord } from '../org/model.ts';
import { mintId } from '../org/record-id.ts';
import { createDelivery, type DeliveryOptions, type Parcel } from './delivery.ts';
import type { Sender } from './event-relay.ts';

export type OutboundMessageOptions = Pick<DeliveryOptions, 'url' | 'retryMs'> & {
  /** Notifications of a message, 100 by default and at most. */
  readonly batchSize?: number;
};

// Concurrent messages: a refused one does not block the others, so the order is not kept.
const maxConcurrent = 4;

/**
 * Sends outbound messages for every account that is created, updated or undeleted: SOAP messages of up to 100
 * notifications, with the values of the time of sending, retried for 24 hours.
 */
export function startOutboundMessages(world: OutboundContext, options: OutboundMessageOptions): Sender {
  const { audit } = world;
  const { batchSize = 100 } = options;
  const delivery = createDelivery({
    ...world,
    ...options,
    kind: 'outbound-messages',
    isAccepted: (status, body) => status === 200 && /<(?:\w+:)?Ack>\s*true\s*</.test(body),
  });
  const queue: Notification[] = [];
  let underWay = 0;
  let inMessages = 0;
  let held: Parcel | undefined;
  let woken = false;

  async function work(): Promise<void> {
    underWay += 1;
    for (let batch = queue.splice(0, batchSize); batch.length > 0; batch = queue.splice(0, batchSize)) {
      inMessages += batch.length;
      const parcel = { make: () => message(world, batch), size: batch.length };
      if (held === undefined && delivery.isReordered()) {
        held = parcel;
        continue;
      }
      await deliver(parcel);
      await deliverHeld();
    }
    await deliverHeld();
    underWay -= 1;
  }

  async function deliverHeld(): Promise<void> {
    const parcel = held;
    held = undefined;
    if (parcel !== undefined) await deliver(parcel);
  }

  async function deliver(parcel: Parcel): Promise<void> {
    await delivery.send(parcel);
    inMessages -= parcel.size;
  }

  const unlisten = audit.onWrite((recordId, operation) => {
    if (operation === 'delete') return;
    world.lastId += 1;
    queue.push({ id: mintId('04l', world.lastId), recordId });
    if (woken) return;
    woken = true;
    setImmediate(() => {
      woken = false;
      if (underWay < maxConcurrent) void work();
    });
  });
  return {
    state: () => ({ ...delivery.state(), waiting: queue.length + inMessages }),
    stop() {
      unlisten();
      queue.length = 0;
      delivery.stop();
    },
  };
}

function message({ org, url }: OutboundContext, notifications: readonly Notification[]) {
  const fields = org.fields().filter((field) => !isCompound(field) && field.type !== 'id');
  const elements = notifications.map(({ id, recordId }) => notificationXml(id, org.record(recordId), fields));
  const body = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>${org.organizationId}</OrganizationId><ActionId>${mintId('04k', 1)}</ActionId><SessionId xsi:nil="true"/><EnterpriseUrl>${url()}/services/Soap/c/66.0</EnterpriseUrl><PartnerUrl>${url()}/services/Soap/u/66.0</PartnerUrl>${elements.join('')}</notifications></soapenv:Body></soapenv:Envelope>`;
  return { headers: { 'content-type': 'text/xml; charset=UTF-8', soapaction: '""' }, body };
}

/** The notification of a record that was deleted in the meantime is empty. */
function notificationXml(
  id: string,
  record: OrgRecord | undefined,
  fields: readonly FieldDefinition[],
): string {
  const active = record === undefined || record.isDeleted ? undefined : record;
  const values = fields.flatMap((field) => {
    const value = active?.values[field.name];
    if (value === undefined || value === null) return [];
    return `<sf:${field.name}>${escapeXml(String(valueJson(field, value)))}</sf:${field.name}>`;
  });
  const own = active === undefined ? '' : `<sf:Id>${active.id}</sf:Id>${values.join('')}`;
  return `<Notification><Id>${id}</Id><sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">${own}</sObject></Notification>`;
}

type Notification = { readonly id: string; readonly recordId: string };

export type OutboundContext = Pick<DeliveryOptions, 'faults' | 'now'> & {
  readonly org: Org;
  readonly audit: Audit;
  /** The instance URL. */
  readonly url: () => string;
  /** Number of the last notification; unique across all receivers. */
  lastId: number;
};
