/** The `schema` parameter of a connection string, a convention of Prisma. */
export function schemaParameter(url: string): string | undefined {
  return parameters(url).get('schema') || undefined;
}

/**
 * Adds options to a connection string: the search path is this schema only, and the settings that the code relies on
 * override the defaults of the role and the database.
 */
export function pinSession(url: string, schema: string): string {
  const own = parameters(url).getAll('options').at(-1) ?? '';
  const settings = { ...sessionSettings, search_path: `"${schema.replaceAll('"', '""')}"` };
  const pinned = Object.entries(settings).map(([name, value]) => `-c ${name}=${escapeOption(value)}`);
  const options = [own, ...pinned].join(' ').trim();
  // The last parameter of a name wins.
  return `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent(options)}`;
}

// Text formats of values, and the isolation level.
const sessionSettings: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
};

/** Parses a search path. Unquoted names are converted to lower case, as in SQL. */
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
