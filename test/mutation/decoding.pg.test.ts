import { eachWithMutants } from './each-with-mutants.ts';
import {
  diffIsReadAgain,
  eachEventHasItsSchema,
  loneBitmapIsRead,
  nothingOvertakesAMissingSchema,
  undecodableEventIsKept,
  unnamedFieldsStay,
} from './scenarios/decoding.ts';

eachWithMutants([
  {
    behavior: 'the bitmap of a compound field may come alone',
    scenario: loneBitmapIsRead,
    mutants: [
      {
        name: 'the bitmap of a compound field is ignored without one for the top level',
        replace: {
          'salesforce/bitmap.ts': {
            expandBitmaps: (expand) => (elements, fields) =>
              expand(elements.some((element) => element.startsWith('0x')) ? elements : [], fields),
          },
        },
        reason: /the lone bitmap is read/,
      },
    ],
  },
  {
    behavior: 'fields that an update does not name stay as they are',
    scenario: unnamedFieldsStay,
    mutants: [
      {
        name: 'every field of an update is written',
        replace: {
          'salesforce/bitmap.ts': {
            expandBitmaps: () => (elements, fields) =>
              elements.length === 0 ? [] : fields.slice(1).map(({ name }) => name),
          },
        },
        reason: /unnamed fields stay/,
      },
    ],
  },
  {
    behavior: 'a text that comes as a diff is read as a whole',
    scenario: diffIsReadAgain,
    mutants: [
      {
        name: 'a diff is left out and the account is not read',
        replace: {
          'apply/event-effect.ts': {
            effectOf: (effectOf) => (event, now) => effectOf({ ...event, missing: [] }, now),
          },
        },
        reason: /the whole text is read/,
      },
    ],
  },
  {
    behavior: 'every event is decoded with the schema that it names',
    scenario: eachEventHasItsSchema,
    mutants: [
      {
        name: 'the first schema of a topic is used for all its events',
        replace: {
          'salesforce/schema-cache.ts': {
            createSchemaCache:
              (create) =>
              (...args) => {
                const cache = create(...args);
                let first: ReturnType<typeof cache.get> | undefined;
                return {
                  get: (schemaId) => {
                    first ??= cache.get(schemaId);
                    return first;
                  },
                };
              },
          },
        },
        reason: /events of both schemas are decoded/,
      },
    ],
  },
  {
    behavior: 'an event waits for its schema, and the events behind it wait for the event',
    scenario: nothingOvertakesAMissingSchema,
    mutants: [
      {
        name: 'an event whose schema is not available counts as broken',
        replace: {
          'apply/decode-stored.ts': {
            tryDecode:
              (tryDecode) =>
              ({ id, ...stored }, schemas) =>
                tryDecode({ id, ...stored }, schemas).catch((error: Error) => ({
                  id,
                  event: null,
                  error: error.message,
                  transactionKey: null,
                })),
          },
        },
        reason: /applied when its schema is there/,
      },
    ],
  },
  {
    behavior: 'an undecodable event is kept and the changes in it are read',
    scenario: undecodableEventIsKept,
    mutants: [
      {
        name: 'an event that can not be decoded is dropped',
        replace: {
          'apply/event-rows.ts': {
            saveEventOutcomes: (save) => (client, outcomes) =>
              save(
                client,
                outcomes.map((outcome) =>
                  outcome.error === null ? outcome : { ...outcome, state: 'skipped' },
                ),
              ),
          },
        },
        reason: /the broken event is kept as failed/,
      },
      {
        name: 'an event that can not be decoded stops the events behind it',
        replace: {
          'apply/decode-stored.ts': {
            tryDecode:
              (tryDecode) =>
              async (...args) => {
                const decoded = await tryDecode(...args);
                if (decoded.error !== null) throw new Error(decoded.error);
                return decoded;
              },
          },
        },
        reason: /Never happened: all that was published is applied/,
        patienceMs: 5_000,
      },
    ],
  },
]);
