import { isList, type Json, JsonError, parseLargeJson } from '../../salesforce/exact-json.ts';
import { type JsonEvent, JsonEventError, readJsonEvent } from '../../salesforce/json-change-event.ts';
import { invalid, invalidFields, Problem } from '../problem.ts';

export const mostEvents = 500;
// What is further ahead is no matter of clocks, but an error of the sender that it should hear of.
const maxFutureMs = 5 * 60_000;

/**
 * The events of a body: one, or a list of up to 500.
 * @param now epoch milliseconds
 * @throws Problem 400 that says where what is wrong
 */
export async function readChangeEvents(text: string, now: number): Promise<JsonEvent[]> {
  const document = await parse(text);
  const isMany = isList(document);
  const items = isMany ? document : [document];
  if (items.length === 0) throw invalid('body', 'must not be empty');
  if (items.length > mostEvents) throw invalid('body', `must not have more than ${mostEvents} entries`);
  return items.map((item, index) => readOne(item, isMany ? `[${index}]` : '', now));
}

function readOne(item: Json, place: string, now: number): JsonEvent {
  try {
    const event = readJsonEvent(item);
    if (event.header.commitTimestamp > now + maxFutureMs) {
      throw new JsonEventError(
        'ChangeEventHeader.commitTimestamp',
        'lies more than five minutes in the future',
      );
    }
    return event;
  } catch (error) {
    if (!(error instanceof JsonEventError)) throw error;
    const field = [place, error.path].filter((part) => part !== '').join('.');
    throw invalidFields([{ field: field === '' ? 'body' : field, message: error.message }]);
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
