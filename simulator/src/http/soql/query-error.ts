/** An invalid query: `MALFORMED_QUERY`, `INVALID_FIELD`, `INVALID_TYPE`, … with Salesforce's messages. */
export class QueryError extends Error {
  readonly errorCode: string;

  constructor(errorCode: string, message: string) {
    super(message);
    this.name = 'QueryError';
    this.errorCode = errorCode;
  }
}

/** The message shows the line, a caret under the position, and its row and column, both from 1. */
export const queryErrorAt = (errorCode: string, message: string, text: string, position: number) => {
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf('\n') + 1;
  const lineEnd = text.indexOf('\n', position);
  const row = before.split('\n').length;
  const column = position - lineStart + 1;
  const excerptStart = Math.max(lineStart, position - excerptWidth);
  const excerptEnd = Math.min(lineEnd === -1 ? text.length : lineEnd, position + excerptWidth);
  const excerpt = text.slice(excerptStart, excerptEnd);
  const caret = `${' '.repeat(position - excerptStart)}^`;
  return new QueryError(
    errorCode,
    `\n${excerpt}\n${caret}\nERROR at Row:${row}:Column:${column}\n${message}`,
  );
};

const excerptWidth = 40;
