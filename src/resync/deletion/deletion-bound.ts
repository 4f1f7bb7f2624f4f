/** Unproven deletions that need no confirmation, whatever the size of the mirror. */
export const maxUnprovenCount = 10;
/** Beyond that number: their share of the records that the mirror holds as existing. */
export const maxUnprovenShare = 0.05;
/** Deletions without proof count for so long: many small ones add up. */
export const unprovenWindowDays = 7;

/**
 * Whether so many records are too many to be taken for deleted without proof.
 * @param absent records that Salesforce does not return
 * @param records those that it should return, the absent ones included
 */
export function exceedsBound(absent: number, records: number): boolean {
  return absent > maxUnprovenCount && absent > records * maxUnprovenShare;
}
