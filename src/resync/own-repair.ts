/**
 * In SQL, of a row of `resyncs`: Tidemark ordered it without an incident. Nobody else would repeat it, and no incident
 * says that it is missing.
 */
export function isOwnRepair(row: string): string {
  return `(${row}.requested_by is null and (
    ${row}.reason in ('first position', 'sample differs widely')
    or ${row}.reason like 'fields added%' or ${row}.reason like 'too much differs%'))`;
}
