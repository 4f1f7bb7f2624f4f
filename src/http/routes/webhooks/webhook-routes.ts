import type { HttpDependencies } from '../../dependencies.ts';
import type { Server } from '../../server-type.ts';
import { registerChangeEventRoute } from './change-events.ts';
import { registerOutboundMessageRoute } from './outbound-messages.ts';
import { takeTurns } from './take-turns.ts';

/** What others send to us. Each kind has a scope of its own, since it takes bodies of its own. */
export async function registerWebhookRoutes(app: Server, dependencies: HttpDependencies): Promise<void> {
  const turns = takeTurns();
  await app.register(async (scope) => registerChangeEventRoute(scope, dependencies, turns));
  await app.register(async (scope) => registerOutboundMessageRoute(scope, dependencies, turns));
}
