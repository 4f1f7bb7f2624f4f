import { SalesforceError } from './error.ts';
import type { PubSubClient } from './pubsub-client.ts';

/**
 * Lookups that meet an expired token have it replaced and are asked once more. A stream outlives its token, so nobody
 * else may notice for hours. Opening a stream is left to whoever opens it.
 */
export function withFreshToken(pubsub: PubSubClient, renewToken: () => Promise<void>): PubSubClient {
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof SalesforceError) || error.failure !== 'auth') throw error;
      await renewToken();
      return ask();
    }
  };
  return {
    ...pubsub,
    getTopic: (topic) => asked(() => pubsub.getTopic(topic)),
    getSchema: (schemaId) => asked(() => pubsub.getSchema(schemaId)),
  };
}
