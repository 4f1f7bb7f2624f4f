/** The name of a place in a job's result, opaque to clients: a text that is never a number. */
export const locatorOf = (jobId: string, row: number): string =>
  `S${Buffer.from(`${jobId.slice(-8)}:${row}`).toString('base64url')}`;

/** The row that a locator of this job names; undefined for any other text. */
export const rowOf = (jobId: string, locator: string): number | undefined => {
  const [, row] = /:(\d{1,9})$/.exec(Buffer.from(locator.slice(1), 'base64url').toString()) ?? [];
  return row !== undefined && locatorOf(jobId, Number(row)) === locator ? Number(row) : undefined;
};
