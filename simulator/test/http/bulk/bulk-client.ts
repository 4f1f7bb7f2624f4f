import { eventually } from '../../eventually.ts';
import { type Answer, type SimulatorHandle, textAt } from '../open-simulator.ts';

/** Bulk query jobs over plain HTTP. */
export const bulkClient = ({ rest }: Pick<SimulatorHandle, 'rest'>) => {
  const create = (query: string, more: object = {}, headers: Record<string, string> = {}) =>
    rest('POST', '/jobs/query', { operation: 'query', query, ...more }, headers);
  const jobAt = (id: string) => rest('GET', `/jobs/query/${id}`);
  const reaches = (id: string, state: string) =>
    eventually(`job ${id} is ${state}`, async () => {
      const answer = await jobAt(id);
      return Object(answer.body).state === state && answer;
    });
  return {
    create,
    jobAt,
    reaches,
    /** Creates a job, waits until it is complete, and answers its id. */
    complete: async (query: string, more: object = {}) => {
      const id = textAt(await create(query, more), 'id');
      await reaches(id, 'JobComplete');
      return id;
    },
    page: (id: string, parameters: Record<string, string> = {}) =>
      rest('GET', `/jobs/query/${id}/results?${new URLSearchParams(parameters)}`),
  };
};

/** The locator of the next page; the text `null` on the last one. */
export const locatorOf = ({ headers }: Answer): string => headers.get('sforce-locator') ?? '';

/** Every page of a result, and its rows without the header rows. */
export const readAll = async (page: (locator?: string) => Promise<Answer>) => {
  const pages: Answer[] = [];
  for (let locator: string | undefined; locator !== 'null'; locator = locatorOf(pages.at(-1) ?? none)) {
    pages.push(await page(locator));
  }
  return { pages, rows: pages.flatMap(({ body }) => readCsv(String(body)).slice(1)) };
};

const none = { status: 0, headers: new Headers(), body: null };

/** Rows of quoted values. Throws at anything that is not in quotes. */
export const readCsv = (text: string): string[][] => {
  const rows: string[][] = [];
  let row: string[] = [];
  const value = /"((?:[^"]|"")*)"(,|\r?\n)/y;
  while (value.lastIndex < text.length) {
    const at = value.lastIndex;
    const match = value.exec(text);
    if (!match) throw new Error(`no CSV value at ${at}: ${text.slice(at, at + 40)}`);
    row.push((match[1] ?? '').replaceAll('""', '"'));
    if (match[2] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
};
