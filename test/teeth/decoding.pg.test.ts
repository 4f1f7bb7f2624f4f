import { eachWithDefects } from './each-with-defects.ts';
import {
  diffIsReadAgain,
  eachEventHasItsSchema,
  loneBitmapIsRead,
  nothingOvertakesAMissingSchema,
  undecodableEventIsKept,
  unnamedFieldsStay,
} from './scenarios/decoding.ts';

eachWithDefects([
  {
    promise: 'the bitmap of a compound field may come alone',
    scenario: loneBitmapIsRead,
    defects: [
      {
        name: 'it is ignored without one for the top level',
        file: 'salesforce/bitmap.ts',
        find: 'const positions = setBits(',
        replace:
          'if (parent !== undefined && elements.length === 1) return [];\n    const positions = setBits(',
        shows: /the lone bitmap is read/,
      },
    ],
  },
  {
    promise: 'fields that an update does not name stay as they are',
    scenario: unnamedFieldsStay,
    defects: [
      {
        name: 'every field of the event is written',
        file: 'salesforce/decode.ts',
        find: 'for (const path of changedFields) {',
        replace: 'for (const path of fields.slice(1).map(({ name }) => name)) {',
        shows: /unnamed fields stay/,
      },
    ],
  },
  {
    promise: 'a text that comes as a diff is read as a whole',
    scenario: diffIsReadAgain,
    defects: [
      {
        name: 'the diff is left out and nothing else done',
        file: 'sync/event-effect.ts',
        find: 'header.diffFields.length > 0',
        replace: 'false',
        shows: /the whole text is read/,
      },
    ],
  },
  {
    promise: 'every event is decoded with the schema that it names',
    scenario: eachEventHasItsSchema,
    defects: [
      {
        name: 'the first schema is kept for the topic',
        file: 'salesforce/schema-cache.ts',
        find: 'const found = known.get(schemaId);',
        replace: 'const found = known.values().next().value;',
        shows: /events of both schemas are decoded/,
      },
    ],
  },
  {
    promise: 'an event waits for its schema, and the events behind it wait for the event',
    scenario: nothingOvertakesAMissingSchema,
    defects: [
      {
        name: 'a schema that is not to be had now counts as a broken event',
        file: 'sync/decode-stored.ts',
        find: 'if (never) return failed(error);',
        replace: 'return failed(error);',
        shows: /applied when its schema is there/,
      },
    ],
  },
  {
    promise: 'an event that can not be decoded is kept, and what it hid is read',
    scenario: undecodableEventIsKept,
    defects: [
      {
        name: 'it is dropped',
        file: 'sync/apply.ts',
        find: "outcome: { id, state: 'failed', error, header: event?.header ?? null }",
        replace: "outcome: { id, state: 'skipped', error, header: event?.header ?? null }",
        shows: /the broken event is kept as failed/,
      },
      {
        name: 'it stops everything behind it',
        file: 'sync/decode-stored.ts',
        find: "const reason = `It can't be decoded",
        replace: "if (error) throw error;\n    const reason = `It can't be decoded",
        shows: /Never happened: all that was published is applied/,
      },
    ],
  },
]);
