import { BlockList, isIP } from 'node:net';
import type {
  OutboundMessageSenders,
  TrustedCertificates,
  WebhookSenders,
} from '../http/routes/webhooks/webhook-senders.ts';
import { parseRecordId } from '../salesforce/record-id.ts';
import { ConfigError } from './config-error.ts';
import { isNetwork, parseList } from './parse-access.ts';

/** The settings of webhooks. */
export type WebhookSettings = {
  readonly WEBHOOK_SECRETS?: string;
  readonly OUTBOUND_MESSAGE_ORG_IDS?: string;
  readonly OUTBOUND_MESSAGE_PATH_SECRET?: string;
  readonly OUTBOUND_MESSAGE_CLIENT_CERTS?: string;
  readonly OUTBOUND_MESSAGE_CERT_HEADER: string;
  readonly OUTBOUND_MESSAGE_PROXIES?: string;
};

/** @throws ConfigError naming the settings, without secrets */
export function parseWebhookSenders(env: WebhookSettings): WebhookSenders {
  const problems: string[] = [];
  const signingKeys = parseList(env.WEBHOOK_SECRETS).map((secret, index) => {
    const key = parseSigningKey(secret);
    if (key === undefined) {
      problems.push(
        `WEBHOOK_SECRETS: entry ${index + 1} must be whsec_ followed by the base64 of 24 to 64 bytes, for example from "openssl rand -base64 32"`,
      );
    }
    return key ?? new Uint8Array();
  });
  const outboundMessages = parseOutboundSenders(env, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return { signingKeys, outboundMessages };
}

/** Parses the format of Standard Webhooks: `whsec_` and base64. */
export function parseSigningKey(secret: string): Uint8Array | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) return undefined;
  const key = Buffer.from(encoded, 'base64');
  const padded = key.toString('base64');
  const isCanonical = encoded === padded || encoded === padded.replaceAll('=', '');
  return isCanonical && key.length >= 24 && key.length <= 64 ? key : undefined;
}

function parseOutboundSenders(env: WebhookSettings, problems: string[]): OutboundMessageSenders | undefined {
  const organizationIds = parseList(env.OUTBOUND_MESSAGE_ORG_IDS).map((id) => {
    const full = parseRecordId(id);
    if (full?.startsWith('00D') !== true) {
      problems.push(
        `OUTBOUND_MESSAGE_ORG_IDS: "${id}" must be an organization id: 00D…, 15 or 18 characters`,
      );
    }
    return full ?? '';
  });
  const pathSecrets = parseList(env.OUTBOUND_MESSAGE_PATH_SECRET);
  if (pathSecrets.some((secret) => !/^[A-Za-z0-9_-]{16,200}$/.test(secret))) {
    problems.push(
      'OUTBOUND_MESSAGE_PATH_SECRET: its value must be 16 to 200 letters, digits, "-" or "_", for example from "openssl rand -hex 24"; several are separated by commas',
    );
  }
  const clientCertificate = parseCertificates(env, problems);
  const hasProof = pathSecrets.length > 0 || clientCertificate !== undefined;
  if (organizationIds.length === 0) {
    if (hasProof) {
      problems.push('OUTBOUND_MESSAGE_ORG_IDS is required with the other settings of outbound messages');
    }
    return undefined;
  }
  if (!hasProof) {
    problems.push(
      'OUTBOUND_MESSAGE_PATH_SECRET or OUTBOUND_MESSAGE_CLIENT_CERTS is required with OUTBOUND_MESSAGE_ORG_IDS: the id of an org is not secret. Set a secret (for example from "openssl rand -hex 24") and append "/" and the secret to the endpoint URL in Salesforce; see docs/webhooks.md',
    );
  }
  return { organizationIds: new Set(organizationIds), pathSecrets, clientCertificate };
}

function parseCertificates(env: WebhookSettings, problems: string[]): TrustedCertificates | undefined {
  const certificates = parseList(env.OUTBOUND_MESSAGE_CLIENT_CERTS);
  const fingerprints = certificates.map((text) => text.replaceAll(':', '').toLowerCase());
  if (fingerprints.length === 0) return undefined;
  if (fingerprints.some((fingerprint) => !/^[0-9a-f]{64}$/.test(fingerprint))) {
    problems.push(
      'OUTBOUND_MESSAGE_CLIENT_CERTS: each must be a SHA-256 fingerprint of 64 hexadecimal digits',
    );
  }
  const proxies = new BlockList();
  const addresses = parseList(env.OUTBOUND_MESSAGE_PROXIES);
  if (addresses.length === 0) {
    problems.push(
      'OUTBOUND_MESSAGE_PROXIES is required with OUTBOUND_MESSAGE_CLIENT_CERTS, for example 10.0.0.0/8',
    );
  }
  for (const address of addresses) {
    if (isNetwork(address)) addNetwork(proxies, address);
    else {
      problems.push(
        `OUTBOUND_MESSAGE_PROXIES: "${address}" must be an address or a network such as 10.0.0.0/8`,
      );
    }
  }
  return {
    header: env.OUTBOUND_MESSAGE_CERT_HEADER,
    fingerprints: new Set(fingerprints),
    isProxy: (address) => {
      // A dual-stack socket reports IPv4 as ::ffff:10.0.0.1.
      const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
      const version = isIP(plain);
      return version !== 0 && proxies.check(plain, version === 6 ? 'ipv6' : 'ipv4');
    },
  };
}

function addNetwork(proxies: BlockList, text: string): void {
  const [address = '', bits] = text.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) proxies.addAddress(address, family);
  else proxies.addSubnet(address, Number(bits), family);
}
