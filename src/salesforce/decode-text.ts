import { isUtf8 } from 'node:buffer';

/**
 * Decodes UTF-8, and CESU-8 as Java writers produce it: each half of a surrogate pair in three bytes, which
 * `Buffer.toString` would replace by U+FFFD.
 * Source: "CESU-8", Unicode Technical Report 26.
 */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString();
  let text = '';
  let end = 0;
  for (const { 0: half, index } of buffer.toString('latin1').matchAll(encodedHalf)) {
    text += buffer.toString('utf8', end, index) + String.fromCharCode(codeUnit(half));
    end = index + half.length;
  }
  return text + buffer.toString('utf8', end);
}

const encodedHalf = /\xed[\xa0-\xbf][\x80-\xbf]/g;

function codeUnit(half: string): number {
  return 0xd000 | ((half.charCodeAt(1) & 0x3f) << 6) | (half.charCodeAt(2) & 0x3f);
}
