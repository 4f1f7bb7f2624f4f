import { appendFileSync, createReadStream, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Logger, multistream, pino } from 'pino';

/*
 * Everything that Tidemark logs in tests, at the finest level, is kept in a folder for the length of a run; at its end
 * no line may hold a secret that was used. Each process that uses a secret notes it in the same folder.
 */

const variable = 'TIDEMARK_TEST_LOGS';
const noted = new Set<string>();
let kept: pino.DestinationStream | undefined;

/** The folder of this run; its test processes find it in their environment. */
export function keepLogsIn(folder: string): void {
  process.env[variable] = folder;
}

/** Shows what TEST_LOG_LEVEL asks for, and keeps everything for the search. */
export function testLogger(): Logger {
  const shown = process.env['TEST_LOG_LEVEL'];
  const folder = process.env[variable];
  if (folder === undefined) return pino({ level: shown ?? 'silent' });
  kept ??= pino.destination({ dest: path.join(folder, `${process.pid}.log`), sync: true });
  return pino(
    { level: 'trace' },
    multistream([
      { level: 'trace', stream: kept },
      ...(shown === undefined ? [] : [{ level: shown as pino.Level, stream: process.stdout }]),
    ]),
  );
}

/** Keeps lines that another process has logged. */
export function keepLog(text: string): void {
  const folder = process.env[variable];
  if (folder === undefined) return;
  const lines = text.split('\n').filter((line) => line.startsWith('{"level"'));
  if (lines.length > 0)
    appendFileSync(path.join(folder, `${process.pid}-others.log`), `${lines.join('\n')}\n`);
}

/** Says that these texts must be in no log. Of one with several lines, such as a PEM, each line counts. */
export function saveSecrets(...secrets: readonly string[]): void {
  const folder = process.env[variable];
  if (folder === undefined) return;
  for (const secret of secrets.flatMap((text) => text.split('\n'))) {
    if (secret.length < 12 || secret.startsWith('-----') || noted.has(secret)) continue;
    noted.add(secret);
    appendFileSync(path.join(folder, `${process.pid}.secrets`), `${secret}\n`);
  }
}

/** Every line that holds a secret, without the secret. */
export async function findSecrets(folder: string): Promise<string[]> {
  const files = readdirSync(folder).map((file) => path.join(folder, file));
  const secrets = files
    .filter((file) => file.endsWith('.secrets'))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((secret) => secret !== '');
  const wanted = new RegExp([...[...new Set(secrets)].map(RegExp.escape), ...forms].join('|'), 'g');
  const found: string[] = [];
  for (const file of files.filter((name) => name.endsWith('.log'))) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      if (line.search(wanted) >= 0) found.push(line.replaceAll(wanted, '[secret]').slice(0, 500));
    }
  }
  return found;
}

// Access tokens of an org, private keys, webhook secrets, signed tokens, URLs with a password.
const forms = [
  '00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?!AQ[\\w.]{8}',
  '-----BEGIN [A-Z ]*PRIVATE KEY',
  'whsec_[A-Za-z0-9+/=]{16}',
  'eyJ[\\w-]{8,}\\.eyJ[\\w-]{8,}\\.',
  'postgres(?:ql)?://[^:@/\\s"]+:[^@/\\s"]+@',
];
