import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { decodeEntry, encodeEntry, type JournalEntry } from './journal-entry.ts';

/**
 * The org's memory across restarts: an append-only file, one JSON entry a line, written before the change it
 * tells of is answered. A process that is killed loses at most the entry it was writing.
 */
export function openJournal(file: string): Journal {
  mkdirSync(dirname(file), { recursive: true });
  let descriptor: number | undefined;

  function writeEntry(target: number, entry: JournalEntry): void {
    writeFully(target, Buffer.from(`${encodeEntry(entry)}\n`));
  }

  return {
    *read() {
      if (!existsSync(file)) return;
      const bytes = readFileSync(file);
      let line = 1;
      for (let start = 0; start < bytes.length; line += 1) {
        const end = bytes.indexOf(NEWLINE, start);
        if (end === -1) return;
        yield parse(bytes.toString('utf8', start, end), `${file}, line ${line}`);
        start = end + 1;
      }
    },
    rewrite(entries) {
      if (descriptor !== undefined) closeSync(descriptor);
      const fresh = `${file}.new`;
      descriptor = openSync(fresh, 'w');
      for (const entry of entries) writeEntry(descriptor, entry);
      renameSync(fresh, file);
    },
    append(entry) {
      descriptor ??= openSync(file, 'a');
      writeEntry(descriptor, entry);
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

function writeFully(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written, bytes.length - written);
  }
}

function parse(line: string, place: string): JournalEntry {
  try {
    return decodeEntry(line);
  } catch (cause) {
    throw new Error(`The journal of the simulator is damaged: ${place}`, { cause });
  }
}

const NEWLINE = 10;

export type Journal = {
  /** Every whole entry from the file; a last line without an end was torn by a crash and is left out. */
  read(): Iterable<JournalEntry>;
  /** Replaces the file in one step by these entries and goes on behind them. */
  rewrite(entries: Iterable<JournalEntry>): void;
  append(entry: JournalEntry): void;
  close(): void;
};
