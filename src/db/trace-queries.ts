import type pg from 'pg';
import { endSpan, startClientSpan } from '../tracing.ts';

/** Records a span for each statement of a connection, by its name or first word, without values. */
export function traceQueries(client: pg.ClientBase): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const traced = (...args: unknown[]): unknown => {
    const [first] = args;
    // Cursors and COPY have no result.
    if (typeof first === 'object' && first !== null && 'submit' in first) return query(...args);
    const { name, text } =
      typeof first === 'string' ? { name: undefined, text: first } : (first as pg.QueryConfig);
    const operation = /^\s*(\w+)/.exec(text)?.[1]?.toLowerCase() ?? 'query';
    const span = startClientSpan(name ?? operation, {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
    });
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      const done = (error: unknown, result: unknown): void => {
        endSpan(span, error);
        callback(error, result);
      };
      return query(...args.slice(0, -1), done);
    }
    const result = query(...args) as Promise<unknown>;
    result.then(
      () => endSpan(span),
      (error: unknown) => endSpan(span, error),
    );
    return result;
  };
  client.query = traced as typeof client.query;
}
