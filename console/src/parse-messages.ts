/** A message of a stream: `ready`, `reset`, `notice`, or `change` with an event as JSON. */
export type Message = { readonly event: string; readonly data: string; readonly id: string };

/** Parses Server-Sent Events as the HTML standard describes them; lines may end anywhere in a chunk. */
export async function* parseMessages(chunks: ReadableStream<string>): AsyncGenerator<Message> {
  const reader = chunks.getReader();
  let rest = '';
  let fields: Record<string, string> = {};
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line !== '') {
          addLine(fields, line);
          continue;
        }
        const { event = 'message', data, id = '' } = fields;
        fields = {};
        if (data !== undefined) yield { event, data, id };
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function addLine(fields: Record<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  if (name === 'data' && fields['data'] !== undefined) fields['data'] += `\n${value}`;
  else if (name !== '') fields[name] = value;
}
