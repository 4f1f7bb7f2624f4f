import { isList, type Json, JsonError, parseLargeJson } from '../../../salesforce/exact-json.ts';
import { type JsonEvent, JsonEventError, parseJsonEvent } from '../../../salesforce/json-change-event.ts';
import { normalizeJsonEvent } from '../../../salesforce/normalize-json-event.ts';
import type { SchemaField } from '../../../salesforce/writer-schema.ts';
import { createYielder } from '../../../salesforce/yielder.ts';
import { invalid, Problem } from '../../problem.ts';

const maxEvents = 500;
// A greater difference is not clock skew but an error of the sender.
const maxFutureMs = 5 * 60_000;

/**
 * Parses one event, or a list of up to 500.
 * @param now epoch milliseconds
 * @param fields the fields of accounts, starting with the header
 * @throws Problem 400 with the path of the error, 422 if a field or value does not match the schema
 */
export async function parseChangeEvents(
  text: string,
  now: number,
  fields: readonly SchemaField[],
): Promise<JsonEvent[]> {
  const document = await parseJson(text);
  const isArray = isList(document);
  const items = isArray ? document : [document];
  if (items.length === 0) throw invalid('body', 'must not be empty');
  if (items.length > maxEvents) throw invalid('body', `must not have more than ${maxEvents} entries`);
  const yieldIfDue = createYielder();
  const events: JsonEvent[] = [];
  for (const [index, item] of items.entries()) {
    events.push(parseEvent(item, isArray ? `[${index}]` : '', now, fields));
    await yieldIfDue();
  }
  return events;
}

function parseEvent(item: Json, path: string, now: number, fields: readonly SchemaField[]): JsonEvent {
  const event = withPath('invalid-request', path, () => parseJsonEvent(item));
  return withPath('invalid-event', path, () => {
    if (event.header.commitTimestamp > now + maxFutureMs) {
      throw new JsonEventError(
        'ChangeEventHeader.commitTimestamp',
        'is more than five minutes in the future',
      );
    }
    return normalizeJsonEvent(event, fields);
  });
}

/** Converts an error of an event into a problem that names its path. */
function withPath<T>(kind: 'invalid-request' | 'invalid-event', prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof JsonEventError)) throw error;
    const path = [prefix, error.path].filter((part) => part !== '').join('.');
    const field = path === '' ? 'body' : path;
    const { message } = error;
    throw new Problem(kind, `${field} ${message}.`, { errors: [{ field, message }] });
  }
}

async function parseJson(text: string): Promise<Json> {
  try {
    return await parseLargeJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new Problem('invalid-request', `The body is not valid JSON: ${error.message}.`);
  }
}
