/** A value, and the paths of what has been read of it. */
export type Watched = { readonly value: object; readonly source: object; readonly read: ReadonlySet<string> };

/**
 * Wraps a value so that it is known what a program looks at. A schema's check that allows any further field never looks
 * at a misspelt one.
 */
export function watched(source: object): Watched {
  const read = new Set<string>();
  const wrap = (target: object, path: string): object =>
    new Proxy(target, {
      get(_, key, receiver) {
        const value: unknown = Reflect.get(target, key, receiver);
        if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return value;
        const own = `${path}${key}`;
        read.add(own);
        return typeof value === 'object' && value !== null ? wrap(value, `${own}.`) : value;
      },
    });
  return { value: wrap(source, ''), source, read };
}

/** The members that were not read; of an object that was not read, only the object. */
export function unreadPaths({ source, read }: Watched): string[] {
  const walk = (value: unknown, path: string): string[] =>
    typeof value !== 'object' || value === null
      ? []
      : Object.entries(value).flatMap(([key, child]) =>
          read.has(`${path}${key}`) ? walk(child, `${path}${key}.`) : [`${path}${key}`],
        );
  return walk(source, '');
}
