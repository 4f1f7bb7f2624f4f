/** The part of ASN.1's DER that a certificate needs. */
export const der = {
  sequence: (...items: Buffer[]) => element(0x30, ...items),
  set: (...items: Buffer[]) => element(0x31, ...items),
  /** An unsigned number, big-endian. */
  integer: (bytes: Buffer) => element(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([ZERO, bytes]) : bytes),
  boolean: (value: boolean) => element(0x01, Buffer.from([value ? 0xff : 0])),
  oid: (text: string) => element(0x06, oidBytes(text)),
  utf8: (text: string) => element(0x0c, Buffer.from(text)),
  /** GeneralizedTime, with four digits of the year. */
  time: (date: Date) => element(0x18, Buffer.from(`${date.toISOString().replaceAll(/\.\d+|[-:T]/g, '')}`)),
  octets: (content: Buffer) => element(0x04, content),
  bits: (content: Buffer, unused = 0) => element(0x03, Buffer.from([unused]), content),
  /** `[tag]` around whole elements. */
  explicit: (tag: number, ...items: Buffer[]) => element(0xa0 | tag, ...items),
  /** `[tag]` instead of the tag of a primitive type. */
  implicit: (tag: number, content: Buffer) => element(0x80 | tag, content),
};

function element(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

function oidBytes(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return Buffer.from([first * 40 + second, ...rest.flatMap(base128)]);
}

/** Seven bits per byte; the top bit marks all but the last. */
function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

const ZERO = Buffer.from([0]);
