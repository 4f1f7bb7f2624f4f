import { BlockList, isIP } from 'node:net';
import type {
  OutboundMessageSenders,
  TrustedCertificates,
  WebhookSenders,
} from '../http/routes/webhooks/webhook-senders.ts';
import { parseRecordId } from '../salesforce/record-id.ts';
import { ConfigError } from './config-error.ts';
import { isNetwork, listed } from './parse-access.ts';

/** Settings of webhooks as text; what is undefined is not set. */
export type WebhookSettings = {
  readonly WEBHOOK_SECRETS?: string;
  readonly OUTBOUND_MESSAGE_ORG_IDS?: string;
  readonly OUTBOUND_MESSAGE_PATH_SECRET?: string;
  readonly OUTBOUND_MESSAGE_CLIENT_CERTS?: string;
  readonly OUTBOUND_MESSAGE_CERT_HEADER: string;
  readonly OUTBOUND_MESSAGE_PROXIES?: string;
};

/** @throws ConfigError that names the setting, and never repeats a secret */
export function readWebhookSenders(env: WebhookSettings): WebhookSenders {
  const problems: string[] = [];
  const signingKeys = listed(env.WEBHOOK_SECRETS).map((secret, index) => {
    const key = signingKey(secret);
    if (key === undefined) {
      problems.push(
        `WEBHOOK_SECRETS: entry ${index + 1} must be whsec_ and the base64 of 24 to 64 bytes, for example from "openssl rand -base64 32"`,
      );
    }
    return key ?? new Uint8Array();
  });
  const outboundMessages = readOutbound(env, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return { signingKeys, outboundMessages };
}

/** As Standard Webhooks writes it: `whsec_` and base64. */
function signingKey(secret: string): Uint8Array | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) return undefined;
  const key = Buffer.from(encoded, 'base64');
  const padded = key.toString('base64');
  const isWhole = encoded === padded || encoded === padded.replaceAll('=', '');
  return isWhole && key.length >= 24 && key.length <= 64 ? key : undefined;
}

function readOutbound(env: WebhookSettings, problems: string[]): OutboundMessageSenders | undefined {
  const organizationIds = listed(env.OUTBOUND_MESSAGE_ORG_IDS).map((id) => {
    const full = parseRecordId(id);
    if (full?.startsWith('00D') !== true) {
      problems.push(
        `OUTBOUND_MESSAGE_ORG_IDS: "${id}" must be an organization id: 00D…, 15 or 18 characters`,
      );
    }
    return full ?? '';
  });
  const pathSecrets = listed(env.OUTBOUND_MESSAGE_PATH_SECRET);
  if (pathSecrets.some((secret) => !/^[A-Za-z0-9_-]{16,200}$/.test(secret))) {
    problems.push(
      'OUTBOUND_MESSAGE_PATH_SECRET: its value must be 16 to 200 letters, digits, "-" or "_", for example from "openssl rand -hex 24"; several are separated by commas',
    );
  }
  const clientCertificate = readCertificates(env, problems);
  const hasProof = pathSecrets.length > 0 || clientCertificate !== undefined;
  if (organizationIds.length === 0) {
    if (hasProof) {
      problems.push('OUTBOUND_MESSAGE_ORG_IDS is required with the other settings of outbound messages');
    }
    return undefined;
  }
  if (!hasProof) {
    problems.push(
      'OUTBOUND_MESSAGE_PATH_SECRET or OUTBOUND_MESSAGE_CLIENT_CERTS is required with OUTBOUND_MESSAGE_ORG_IDS: the id of an org is no secret. Set a secret (for example from "openssl rand -hex 24") and end the endpoint URL in Salesforce in "/" and the secret; see docs/webhooks.md',
    );
  }
  return { organizationIds: new Set(organizationIds), pathSecrets, clientCertificate };
}

function readCertificates(env: WebhookSettings, problems: string[]): TrustedCertificates | undefined {
  const certificates = listed(env.OUTBOUND_MESSAGE_CLIENT_CERTS);
  const fingerprints = certificates.map((text) => text.replaceAll(':', '').toLowerCase());
  if (fingerprints.length === 0) return undefined;
  if (fingerprints.some((fingerprint) => !/^[0-9a-f]{64}$/.test(fingerprint))) {
    problems.push(
      'OUTBOUND_MESSAGE_CLIENT_CERTS: each must be a SHA-256 fingerprint of 64 hexadecimal digits',
    );
  }
  const proxies = new BlockList();
  const addresses = listed(env.OUTBOUND_MESSAGE_PROXIES);
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
      // A socket that takes both kinds shows IPv4 as ::ffff:10.0.0.1.
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
