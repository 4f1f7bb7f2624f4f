import type { HttpDependencies } from '../dependencies.ts';
import type { Server } from '../server.ts';
import { addChangeEventRoute } from './change-events.ts';
import { addOutboundMessageRoute } from './outbound-messages.ts';
import { takeTurns } from './take-turns.ts';

/** What others send to us. Each kind has a scope of its own, since it takes bodies of its own. */
export async function addWebhookRoutes(app: Server, dependencies: HttpDependencies): Promise<void> {
  const turns = takeTurns();
  await app.register(async (scope) => addChangeEventRoute(scope, dependencies, turns));
  await app.register(async (scope) => addOutboundMessageRoute(scope, dependencies, turns));
}
