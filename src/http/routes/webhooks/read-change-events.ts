import { isList, type Json, JsonError, parseLargeJson } from '../../../salesforce/exact-json.ts';
import { givingWay } from '../../../salesforce/give-way.ts';
import { type JsonEvent, JsonEventError, readJsonEvent } from '../../../salesforce/json-change-event.ts';
import { normalizeJsonEvent } from '../../../salesforce/normalize-json-event.ts';
import type { SchemaField } from '../../../salesforce/writer-schema.ts';
import { invalid, Problem } from '../../problem.ts';

export const maxEvents = 500;
// What is further ahead is no matter of clocks, but an error of the sender that it should hear of.
const maxFutureMs = 5 * 60_000;

/**
 * The events of a body: one, or a list of up to 500.
 * @param now epoch milliseconds
 * @param fields of accounts, the header first
 * @throws Problem 400 that says where what is wrong, 422 where a value fits no field
 */
export async function readChangeEvents(
  text: string,
  now: number,
  fields: readonly SchemaField[],
): Promise<JsonEvent[]> {
  const document = await parse(text);
  const isMany = isList(document);
  const items = isMany ? document : [document];
  if (items.length === 0) throw invalid('body', 'must not be empty');
  if (items.length > maxEvents) throw invalid('body', `must not have more than ${maxEvents} entries`);
  const giveWay = givingWay();
  const events: JsonEvent[] = [];
  for (const [index, item] of items.entries()) {
    events.push(readOne(item, isMany ? `[${index}]` : '', now, fields));
    await giveWay();
  }
  return events;
}

function readOne(item: Json, place: string, now: number, fields: readonly SchemaField[]): JsonEvent {
  const event = located('invalid-request', place, () => readJsonEvent(item));
  return located('invalid-event', place, () => {
    if (event.header.commitTimestamp > now + maxFutureMs) {
      throw new JsonEventError(
        'ChangeEventHeader.commitTimestamp',
        'lies more than five minutes in the future',
      );
    }
    return normalizeJsonEvent(event, fields);
  });
}

/** Says in which event what is wrong. */
function located<T>(kind: 'invalid-request' | 'invalid-event', place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof JsonEventError)) throw error;
    const path = [place, error.path].filter((part) => part !== '').join('.');
    const field = path === '' ? 'body' : path;
    const { message } = error;
    throw new Problem(kind, `${field} ${message}.`, { errors: [{ field, message }] });
  }
}

async function parse(text: string): Promise<Json> {
  try {
    return await parseLargeJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new Problem('invalid-request', `The body can not be read as JSON: ${error.message}.`);
  }
}
