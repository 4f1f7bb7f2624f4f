/** Whether the database rejected the data itself (class 21, 22, 23, or 54: too large), so that a retry fails again. */
export function isDataError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^(2[123]|54)/.test(code);
}
