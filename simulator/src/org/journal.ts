import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { decodeEntry, encodeEntry, type JournalEntry } from './journal-entry.ts';

// The journal holds sessions and secrets of the org.
const privateFile = 0o600;

/**
 * The org across restarts: an append-only file with one JSON entry per line, written before the change is
 * acknowledged. A killed process loses at most the entry that it was writing.
 */
export function openJournal(file: string) {
  mkdirSync(dirname(file), { recursive: true });
  let descriptor: number | undefined;

  function writeEntry(target: number, entry: JournalEntry): void {
    writeFully(target, Buffer.from(`${encodeEntry(entry)}\n`));
  }

  return {
    /** Every complete entry of the file; a last line without a line break is an incomplete write and is skipped. */
    *read(): Iterable<JournalEntry> {
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
    /** Atomically replaces the file by these entries; later entries are appended. */
    rewrite(entries: Iterable<JournalEntry>): void {
      if (descriptor !== undefined) closeSync(descriptor);
      const fresh = `${file}.new`;
      descriptor = openSync(fresh, 'w', privateFile);
      for (const entry of entries) writeEntry(descriptor, entry);
      renameSync(fresh, file);
    },
    append(entry: JournalEntry): void {
      descriptor ??= openSync(file, 'a', privateFile);
      writeEntry(descriptor, entry);
    },
    close(): void {
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
    throw new Error(`the journal of the simulator is damaged: ${place}`, { cause });
  }
}

const NEWLINE = 10;

export type Journal = ReturnType<typeof openJournal>;
