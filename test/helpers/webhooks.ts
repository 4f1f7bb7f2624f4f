import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { parseWebhookSenders } from '../../src/config/parse-webhook-senders.ts';
import type { WebhookSenders } from '../../src/http/routes/webhooks/webhook-senders.ts';

/** 32 bytes each. */
export const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const newerSecret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
export const pathSecret = 'a-path-that-is-hard-to-guess';
export const newerPathSecret = 'another-path-that-is-hard-to-guess';
/** Where a server of a test takes outbound messages. */
export const outboundPath = `/webhooks/outbound-messages/${pathSecret}`;

/** Who may send to a server of a test. */
export function sendersFor(organizationId: string): WebhookSenders {
  return parseWebhookSenders({
    WEBHOOK_SECRETS: `${webhookSecret}, ${newerSecret}`,
    OUTBOUND_MESSAGE_ORG_IDS: organizationId,
    OUTBOUND_MESSAGE_PATH_SECRET: `${pathSecret}, ${newerPathSecret}`,
    OUTBOUND_MESSAGE_CERT_HEADER: 'x-client-cert-sha256',
  });
}

export type Signing = { readonly id?: string; readonly at?: Date; readonly secret?: string };

/** The headers of a signed request, made by the reference library. */
export function signed(body: string, { id, at, secret }: Signing = {}): Record<string, string> {
  const webhookId = id ?? `msg_${randomUUID()}`;
  const time = at ?? new Date();
  return {
    'content-type': 'application/json',
    'webhook-id': webhookId,
    'webhook-timestamp': String(Math.floor(time.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret ?? webhookSecret).sign(webhookId, time, body),
  };
}
