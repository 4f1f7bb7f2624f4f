/** The database refused the data itself (class 21, 22, 23, or 54: too large): trying again would fail again. */
export function isDataError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^(2[123]|54)/.test(code);
}
