/** Whether a text is the decimal form of a number that a PostgreSQL bigint holds, from 0 up. */
export function isLogId(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n;
}
