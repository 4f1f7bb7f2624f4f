import { styleText } from 'node:util';

/** The standard streams of a command. */
export type Streams = { readonly stdout: NodeJS.WriteStream; readonly stderr: NodeJS.WriteStream };

/** Where a command writes its result; notes and errors go to the standard error. */
export type Output = {
  readonly stderr: NodeJS.WriteStream;
  readonly isTerminal: boolean;
  /** Width of the terminal; null if the output is not a terminal. */
  readonly columns: number | null;
  /** Applies a color if the output is to have colors. */
  paint(color: Color, text: string): string;
  print(text: string): void;
  printJson(value: unknown): void;
  /** Writes a note or an error in one line to the standard error. */
  note(text: string): void;
  /** Replaces what the terminal shows. */
  redraw(text: string): void;
};

export type Color = 'red' | 'yellow' | 'green' | 'bold' | 'dim';

type Environment = Readonly<Record<string, string | undefined>>;

/** Colors follow FORCE_COLOR, then NO_COLOR and the terminal. */
export function createOutput({ stdout, stderr }: Streams, environment: Environment): Output {
  const isColored = shouldColor(stdout, environment);
  const print = (text: string): void => void stdout.write(`${text}\n`);
  return {
    stderr,
    isTerminal: stdout.isTTY === true,
    columns: stdout.isTTY === true ? stdout.columns : null,
    paint: (color, text) => (isColored ? styleText(color, text, { validateStream: false }) : text),
    print,
    printJson: (value) => print(JSON.stringify(value, null, 2)),
    note: (text) => void stderr.write(`${toPrintable(text)}\n`),
    redraw(text) {
      if (stdout.isTTY !== true) return print(text);
      // From the top left, each line and then the rest of the screen is cleared: this does not flicker.
      stdout.write(`\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[K\n\u001b[J`);
    },
  };
}

function shouldColor(stream: NodeJS.WriteStream, environment: Environment): boolean {
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return !['0', 'false'].includes(forced);
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** Text in one line without control characters: values of Salesforce must not control the terminal. */
export function toPrintable(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}
