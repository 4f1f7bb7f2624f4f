/** The `schema` of a connection string, as Prisma writes it. */
export function schemaParameter(url: string): string | undefined {
  return parameters(url).get('schema') || undefined;
}

/**
 * The same connection string, whose sessions look for tables in this schema only and have the settings that the code
 * relies on, whatever the role or the database has as defaults.
 */
export function pinSession(url: string, schema: string): string {
  const own = parameters(url).getAll('options').at(-1) ?? '';
  const settings = { ...sessionSettings, search_path: `"${schema.replaceAll('"', '""')}"` };
  const pinned = Object.entries(settings).map(([name, value]) => `-c ${name}=${escapeOption(value)}`);
  const options = [own, ...pinned].join(' ').trim();
  // The last one of several parameters of a name counts.
  return `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent(options)}`;
}

// How values are written on the wire, and what a transaction sees.
const sessionSettings: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
};

/** Names of a search path in order; what is not quoted is in lower case, as in SQL. */
export function parseSearchPath(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(([, quoted, plain = '']) =>
    quoted === undefined ? plain.toLowerCase() : quoted.replaceAll('""', '"'),
  );
}

/** Source: PostgreSQL, "options" of the startup message: blanks separate arguments, a backslash escapes. */
function escapeOption(value: string): string {
  return value.replace(/[\\\s]/g, (character) => `\\${character}`);
}

function parameters(url: string): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : url.slice(start + 1));
}
