import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config/config.ts';
import { secretPaths } from '../http/plugins/request-log.ts';

type Output = { readonly isTTY: boolean; readonly stream: DestinationStream };

/** Creates the logger of the process. It redacts secrets. */
export function createLogger(
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  { isTTY, stream }: Output = { isTTY: process.stdout.isTTY, stream: pino.destination(1) },
): Logger {
  const isPretty = logFormat === 'pretty' || (logFormat === 'auto' && isTTY);
  const prettyStream = { write: (line: string) => stream.write(formatEntry(line)) };
  return pino({ level: logLevel, redact: [...secretPaths] }, isPretty ? prettyStream : stream);
}

/** Formats a JSON entry as time, level, message and fields, followed by the stack of an error. */
function formatEntry(line: string): string {
  const { level, time, pid: _, hostname: __, msg = '', err, ...fields } = JSON.parse(line);
  const label = (pino.levels.labels[level] ?? String(level)).toUpperCase().padEnd(5);
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${formatValue(value)}`);
  const text = [new Date(time).toISOString(), label, escapeControls(msg), ...shown].join(' ');
  const stack = err === undefined ? '' : `\n${escapeControls(err.stack ?? formatValue(err))}`;
  return `${text}${stack}\n`;
}

function formatValue(value: unknown): string {
  return typeof value === 'string' && /^[\w./:+-]+$/.test(value) ? value : JSON.stringify(value);
}

// Values from outside must not control the terminal. Line breaks of a stack are kept.
function escapeControls(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n\t]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
