/** Just enough of ASN.1's distinguished encoding to write a certificate. */
export const der = {
  sequence: (...items: Buffer[]) => element(0x30, ...items),
  set: (...items: Buffer[]) => element(0x31, ...items),
  /** An unsigned number, big-endian. */
  integer: (bytes: Buffer) => element(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([ZERO, bytes]) : bytes),
  boolean: (value: boolean) => element(0x01, Buffer.from([value ? 0xff : 0])),
  oid: (text: string) => element(0x06, oidBytes(text)),
  utf8: (text: string) => element(0x0c, Buffer.from(text)),
  /** A moment after 2049 or before does not matter: always four digits for the year. */
  time: (date: Date) => element(0x18, Buffer.from(`${date.toISOString().replaceAll(/\.\d+|[-:T]/g, '')}`)),
  octets: (content: Buffer) => element(0x04, content),
  bits: (content: Buffer, unused = 0) => element(0x03, Buffer.from([unused]), content),
  /** `[tag]` around whole elements. */
  explicit: (tag: number, ...items: Buffer[]) => element(0xa0 | tag, ...items),
  /** `[tag]` in place of a primitive type's own tag. */
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

/** Seven bits a byte, all but the last marked by the top bit. */
function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

const ZERO = Buffer.from([0]);
