import type { HttpDependencies, Server } from '../../server-types.ts';
import { registerChangeEventRoute } from './change-events.ts';
import { registerOutboundMessageRoute } from './outbound-messages.ts';
import { createParseQueue } from './webhook-body.ts';

/** Each kind of webhook has its own encapsulated scope, because it accepts other content types. */
export async function registerWebhookRoutes(app: Server, dependencies: HttpDependencies): Promise<void> {
  const queue = createParseQueue();
  await app.register(async (scope) => registerChangeEventRoute(scope, dependencies, queue));
  await app.register(async (scope) => registerOutboundMessageRoute(scope, dependencies, queue));
}
