/**
 * What proves that Salesforce has deleted a record:
 * - `delete event`: its newest change event is a DELETE or a GAP_DELETE
 * - `IsDeleted`: a query of all records, deleted ones included, returned it as deleted
 * - `getDeleted`: the log of deletions lists it
 * - `ENTITY_IS_DELETED`: a request for the record was refused with this code
 */
export type DeletionProof = 'delete event' | 'IsDeleted' | 'getDeleted' | 'ENTITY_IS_DELETED';

/** What one source reports about a record. */
export type Sighting =
  /** Its newest change event in the log. */
  | { readonly source: 'event'; readonly changeType: string }
  /** A row of a query. */
  | { readonly source: 'row'; readonly isDeleted: boolean }
  /** A query or a collection that names the record and does not return it. */
  | { readonly source: 'absence' }
  | { readonly source: 'getDeleted'; readonly isListed: boolean }
  /** A request for the record alone: the error code of the response, null if it returned the record. */
  | { readonly source: 'request'; readonly errorCode: string | null };

/**
 * Decides whether a record is deleted; apart from the merge of a DELETE event, nothing else does. Absence and NOT_FOUND
 * are no proof: a record that the integration user cannot see looks the same. A source that returns the record as
 * existing overrules every proof, which is then older.
 */
export function proofOfDeletion(sightings: readonly Sighting[]): DeletionProof | null {
  if (sightings.some(showsRecord)) return null;
  for (const sighting of sightings) {
    const proof = proofOf(sighting);
    if (proof !== null) return proof;
  }
  return null;
}

function showsRecord(sighting: Sighting): boolean {
  return (
    (sighting.source === 'row' && !sighting.isDeleted) ||
    (sighting.source === 'request' && sighting.errorCode === null)
  );
}

function proofOf(sighting: Sighting): DeletionProof | null {
  switch (sighting.source) {
    case 'event':
      return ['DELETE', 'GAP_DELETE'].includes(sighting.changeType) ? 'delete event' : null;
    case 'row':
      return sighting.isDeleted ? 'IsDeleted' : null;
    case 'getDeleted':
      return sighting.isListed ? 'getDeleted' : null;
    case 'request':
      return sighting.errorCode === 'ENTITY_IS_DELETED' ? 'ENTITY_IS_DELETED' : null;
    case 'absence':
      return null;
  }
}

/** An account that was requested by id and not returned, not even as deleted. */
export type Absence = {
  readonly id: string;
  /** Null if the account may only be invisible. */
  readonly proof: DeletionProof | null;
};

/** Number of unproven deletions that never need a confirmation. */
const maxUnprovenCount = 10;
/** Beyond that number: their share of the records that the mirror holds as existing. */
const maxUnprovenShare = 0.05;
/** Period over which unproven deletions are added up. */
export const unprovenWindowDays = 7;

/**
 * Whether too many records are absent to mark them as deleted without proof.
 * @param absent number of records that Salesforce does not return
 * @param records number of records that it should return, including the absent ones
 */
export function exceedsBound(absent: number, records: number): boolean {
  return absent > maxUnprovenCount && absent > records * maxUnprovenShare;
}
