import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { parseWebhookSenders, type WebhookSettings } from '../../src/config/parse-webhook-senders.ts';

const read = (settings: Partial<WebhookSettings>) =>
  parseWebhookSenders({ OUTBOUND_MESSAGE_CERT_HEADER: 'x-client-cert-sha256', ...settings });
const problemsOf = (settings: Partial<WebhookSettings>): readonly string[] => {
  try {
    read(settings);
    return [];
  } catch (error) {
    return error instanceof ConfigError ? error.problems : [String(error)];
  }
};
const secret = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`;
const OUTBOUND_MESSAGE_ORG_IDS = '00Dal00000AbCdE';
const fingerprint = 'ab'.repeat(32);
const pathSecret = 'a-path-that-is-hard-to-guess';

describe('senders of webhooks', () => {
  it('no webhook is accepted without settings', () => {
    expect(read({})).toEqual({ signingKeys: [], outboundMessages: undefined });
  });

  it('several secrets are accepted, with or without their padding', () => {
    const { signingKeys } = read({
      WEBHOOK_SECRETS: ` ${secret(24)}, ${secret(32).replaceAll('=', '')},${secret(64)}`,
    });
    expect(signingKeys.map(({ length }) => length)).toEqual([24, 32, 64]);
  });

  it.each([
    secret(23),
    secret(65),
    'whsec_',
    'plain-text-that-is-long-enough',
    `${secret(32)}=`,
    'whsec_ab-_',
  ])('the secret %s is refused with a message that names the setting and not the secret', (wrong) => {
    const problems = problemsOf({ WEBHOOK_SECRETS: `${secret(32)},${wrong}` });
    expect(problems).toEqual([
      expect.stringMatching(/^WEBHOOK_SECRETS: entry 2 must be whsec_ followed by the base64/),
    ]);
    expect(problems.join()).not.toContain(wrong === 'whsec_' ? `${wrong}A` : wrong);
  });

  it('ids of orgs, a secret path and certificates checked by a proxy are accepted', () => {
    const { outboundMessages } = read({
      OUTBOUND_MESSAGE_ORG_IDS: '00Dal00000AbCdE,00Dal00000AbCdFEAV'.replace('FEAV', 'EEAV'),
      OUTBOUND_MESSAGE_PATH_SECRET: `${pathSecret}, another-path-that-is-hard-to-guess`,
      OUTBOUND_MESSAGE_CLIENT_CERTS: `${fingerprint.toUpperCase().replace(/..(?=.)/g, '$&:')}`,
      OUTBOUND_MESSAGE_PROXIES: '10.0.0.0/8, ::1',
    });
    expect([...(outboundMessages?.organizationIds ?? [])]).toEqual(['00Dal00000AbCdEEAV']);
    expect(outboundMessages?.pathSecrets).toEqual([pathSecret, 'another-path-that-is-hard-to-guess']);
    expect([...(outboundMessages?.clientCertificate?.fingerprints ?? [])]).toEqual([fingerprint]);
    const { isProxy } = outboundMessages?.clientCertificate ?? {};
    expect(
      ['10.1.2.3', '11.1.2.3', '::1', '::2', '::ffff:10.1.2.3', ''].map((address) => isProxy?.(address)),
    ).toEqual([true, false, true, false, true, false]);
  });

  it.each([
    [
      { OUTBOUND_MESSAGE_ORG_IDS: '001al00000K3N1w', OUTBOUND_MESSAGE_PATH_SECRET: pathSecret },
      'OUTBOUND_MESSAGE_ORG_IDS: "001al00000K3N1w" must be',
    ],
    [
      { OUTBOUND_MESSAGE_ORG_IDS },
      'OUTBOUND_MESSAGE_PATH_SECRET or OUTBOUND_MESSAGE_CLIENT_CERTS is required with OUTBOUND_MESSAGE_ORG_IDS',
    ],
    [
      { OUTBOUND_MESSAGE_ORG_IDS, OUTBOUND_MESSAGE_PATH_SECRET: 'short' },
      'OUTBOUND_MESSAGE_PATH_SECRET: its value',
    ],
    [{ OUTBOUND_MESSAGE_PATH_SECRET: pathSecret }, 'OUTBOUND_MESSAGE_ORG_IDS is required'],
    [
      { OUTBOUND_MESSAGE_ORG_IDS, OUTBOUND_MESSAGE_CLIENT_CERTS: fingerprint },
      'OUTBOUND_MESSAGE_PROXIES is required',
    ],
    [
      { OUTBOUND_MESSAGE_ORG_IDS, OUTBOUND_MESSAGE_CLIENT_CERTS: 'ab', OUTBOUND_MESSAGE_PROXIES: '::1' },
      'OUTBOUND_MESSAGE_CLIENT_CERTS: each must be',
    ],
    [
      {
        OUTBOUND_MESSAGE_ORG_IDS,
        OUTBOUND_MESSAGE_CLIENT_CERTS: fingerprint,
        OUTBOUND_MESSAGE_PROXIES: '10.0.0.0/33',
      },
      'OUTBOUND_MESSAGE_PROXIES: "10.0.0.0/33" must be',
    ],
  ])('an incomplete sender is refused with the setting to change: %j', (settings, message) => {
    expect(problemsOf(settings)).toEqual([expect.stringContaining(message)]);
  });
});
