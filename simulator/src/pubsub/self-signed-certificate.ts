import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { der } from './der.ts';

/**
 * A key and a certificate (PEM) for the given host names and addresses, valid for a year.
 * A client must trust the certificate explicitly. Structure: RFC 5280, section 4.
 */
export function mintSelfSignedCertificate(hosts: readonly string[], now = Date.now()): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8('Salesforce simulator'))));
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const validity = der.sequence(der.time(new Date(now - DAY_MS)), der.time(new Date(now + 365 * DAY_MS)));
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(serialNumber()),
    SIGNATURE_ALGORITHM,
    name,
    validity,
    name,
    key,
    der.explicit(3, der.sequence(...extensions(hosts, keyIdentifier(key)))),
  );
  const certificate = der.sequence(body, SIGNATURE_ALGORITHM, der.bits(sign('sha256', body, privateKey)));
  return { cert: pem(certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Method 4 of RFC 7093: a hash of the whole SubjectPublicKeyInfo. */
const keyIdentifier = (key: Buffer) => createHash('sha256').update(key).digest();

/**
 * All certificates have one subject. OpenSSL takes the first trusted one with that subject as the issuer, unless the key
 * identifiers differ: without them, a client can trust only one simulator.
 */
function extensions(hosts: readonly string[], keyId: Buffer): Buffer[] {
  return [
    extension(OID.basicConstraints, true, der.sequence(der.boolean(true))),
    extension(OID.keyUsage, true, der.bits(Buffer.from([DIGITAL_SIGNATURE | KEY_CERT_SIGN]), 2)),
    extension(OID.extendedKeyUsage, false, der.sequence(der.oid(OID.serverAuth))),
    extension(OID.subjectKeyIdentifier, false, der.octets(keyId)),
    extension(OID.authorityKeyIdentifier, false, der.sequence(der.implicit(0, keyId))),
    extension(OID.subjectAltName, false, der.sequence(...hosts.map(generalName))),
  ];
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octets(value));
}

function generalName(host: string): Buffer {
  return isIP(host) === 0 ? der.implicit(2, Buffer.from(host)) : der.implicit(7, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const front = groups(head);
  const back = groups(tail ?? '');
  const middle = Array.from({ length: 8 - front.length - back.length }, () => 0);
  return Buffer.from([...front, ...middle, ...back].flatMap((group) => [group >>> 8, group & 0xff]));
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** Positive and without a leading zero byte. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;
const SIGNATURE_ALGORITHM = der.sequence(der.oid(OID.ecdsaWithSha256));
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;
const DAY_MS = 24 * 60 * 60 * 1000;

/** PEM texts. */
export type TlsIdentity = { readonly cert: string; readonly key: string };
