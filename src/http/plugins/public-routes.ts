/** The routes that need no API key. Every other route needs one: add here only what reveals no data. */
export const publicRoutes: readonly string[] = [
  '/',
  '/health/live',
  '/health/ready',
  '/openapi.json',
  '/docs',
  '/metrics',
  // These know their senders by other means than a key, and answer nothing but that they have stored.
  '/webhooks/change-events',
  '/webhooks/outbound-messages',
  '/webhooks/outbound-messages/:secret',
];

/** Whether a route, given by its pattern, is public; all pages of the documentation are. One with a scope is not. */
export function isPublic(route: string | undefined, scope?: string): boolean {
  return (
    scope === undefined && route !== undefined && (publicRoutes.includes(route) || route.startsWith('/docs/'))
  );
}
