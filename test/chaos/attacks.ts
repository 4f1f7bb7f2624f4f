import { setTimeout as pause } from 'node:timers/promises';
import { sendUnfinished } from '../helpers/unfinished-body.ts';
import { outboundPath, signed } from '../helpers/webhooks.ts';

export type Target = {
  readonly port: number;
  readonly organizationId: string;
  /** Accounts that exist. */
  readonly ids: readonly string[];
  /** Counts an answer, by its status; 0 where there was none. */
  count(status: number): void;
};

/** Each attacks until the signal is aborted. */
export const attacks = {
  'unfinished bodies': unfinishedBodies,
  'dates ahead': datesAhead,
  'unknown ids': unknownIds,
  'large documents': largeDocuments,
} as const satisfies Record<string, (target: Target, signal: AbortSignal) => Promise<void>>;

export type AttackName = keyof typeof attacks;

/** A hundred connections that send 4.9 of 5.2 MB with a well-formed wrong signature, again and again. */
async function unfinishedBodies({ port, count }: Target, signal: AbortSignal): Promise<void> {
  await repeat(100, signal, async () => {
    const headers = {
      ...signed('another body'),
      'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
    };
    const body = sendUnfinished({
      port,
      path: '/webhooks/change-events',
      headers,
      length: 5_200_000,
      bytes: 4_900_000,
    });
    const close = (): void => body.close();
    signal.addEventListener('abort', close, { once: true });
    count(Number(/^HTTP\/1\.1 (\d+)/.exec(await body.ended)?.[1] ?? 0));
    signal.removeEventListener('abort', close);
    await pause(20);
  });
}

/** Signed changes that never happened, dated up to 290 s ahead. */
async function datesAhead(target: Target, signal: AbortSignal): Promise<void> {
  let number = 0;
  await repeat(4, signal, async () => {
    number += 1;
    const ChangeEventHeader = {
      entityName: 'Account',
      recordIds: [target.ids[number % target.ids.length]],
      changeType: 'UPDATE',
      transactionKey: `ahead-${number}`,
      sequenceNumber: 1,
      commitTimestamp: Date.now() + 15_000 + (number % 275) * 1_000,
      commitNumber: String(BigInt(Date.now()) * 1_000_000n + BigInt(number)),
      changedFields: ['Industry'],
    };
    const body = JSON.stringify({ ChangeEventHeader, Industry: 'Never in Salesforce' });
    await post(target, '/webhooks/change-events', signed(body), body);
    await pause(50);
  });
}

/** Accounts that do not exist, from a sender without the secret, and now and then from one that has it. */
async function unknownIds(target: Target, signal: AbortSignal): Promise<void> {
  let number = 0;
  await repeat(8, signal, async () => {
    number += 1;
    const notifications = Array.from({ length: 100 }, (_, n) => notification(number * 100 + n));
    const path = number % 40 === 0 ? outboundPath : '/webhooks/outbound-messages';
    await post(target, path, xml, message(target.organizationId, notifications.join('')));
    await pause(20);
  });
}

/** Documents of 5 MB that take long to parse, signed and with the right secret. */
async function largeDocuments(target: Target, signal: AbortSignal): Promise<void> {
  const inside = (part: string): string =>
    message(
      target.organizationId,
      notification(1, `<sf:Name>${part.repeat(Math.floor(5_000_000 / part.length))}</sf:Name>`),
    );
  const documents = ['<![CDATA[]]>', '&amp;', 'text ', '<b/>'].map(inside);
  const json = `[${'[{}],'.repeat(800_000)}0]`;
  let number = 0;
  await repeat(8, signal, async () => {
    number += 1;
    const document = documents[number % 5];
    if (document === undefined) await post(target, '/webhooks/change-events', signed(json), json);
    else await post(target, outboundPath, xml, document);
    await pause(20);
  });
}

const xml = { 'content-type': 'text/xml; charset=UTF-8' };

function notification(n: number, fields = ''): string {
  const id = String(n).padStart(10, '0');
  return `<Notification><Id>04l00${id}</Id><sObject xsi:type="sf:Account"><sf:Id>00199${id}</sf:Id>${fields}</sObject></Notification>`;
}

function message(organizationId: string, notifications: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><notifications><OrganizationId>${organizationId}</OrganizationId><ActionId>04kal0000000001AAA</ActionId>${notifications}</notifications></s:Body></s:Envelope>`;
}

async function post(
  { port, count }: Target,
  path: string,
  headers: Record<string, string>,
  body: string,
): Promise<void> {
  const url = `http://127.0.0.1:${port}${path}`;
  const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined);
  await answer?.text().catch(() => '');
  count(answer?.status ?? 0);
}

async function repeat(times: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const one = async (): Promise<void> => {
    while (!signal.aborted) await work();
  };
  await Promise.all(Array.from({ length: times }, one));
}
