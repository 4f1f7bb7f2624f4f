/**
 * SQL that selects columns under the names of their fields in `schema.prisma`, so that a row of a hand-written statement has
 * the type that Prisma generates. The column of a field has its name in snake case.
 */
export function columnsOf(fields: readonly string[]): string {
  return fields.map((field) => `"${toSnakeCase(field)}" as "${field}"`).join(', ');
}

function toSnakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
