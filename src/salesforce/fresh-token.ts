import { SalesforceError } from './error.ts';
import type { PubSubClient } from './pubsub-client.ts';
import type { TokenSource } from './token-source.ts';

/** The token of the last opened stream. */
export type StreamToken = {
  /** Replaces it after a refusal. @throws SalesforceError of the sign-in */
  renew(cause: SalesforceError): Promise<void>;
  /** Signs in after another failure. @returns whether the org has moved to another address */
  checkAddress(): Promise<boolean>;
};

/**
 * Adds tokens to a client: lookups sign in if necessary and are repeated once a refused token is replaced. The caller
 * replaces the token of a stream.
 */
export function withFreshToken(
  pubsub: PubSubClient,
  tokens: TokenSource,
): { readonly pubsub: PubSubClient; readonly streamToken: StreamToken } {
  const withToken = async <T>(lookUp: () => Promise<T>): Promise<T> => {
    let session = await tokens.current('lookup');
    for (;;) {
      try {
        const answer = await lookUp();
        tokens.accepted(session, 'lookup');
        return answer;
      } catch (error) {
        if (!(error instanceof SalesforceError) || error.failure !== 'auth') throw error;
        session = await tokens.renew(session, 'lookup', error);
      }
    }
  };
  let streamSession = tokens.session;
  return {
    pubsub: {
      ...pubsub,
      getTopic: (topic) => withToken(() => pubsub.getTopic(topic)),
      getSchema: (schemaId) => withToken(() => pubsub.getSchema(schemaId)),
      subscribe() {
        const session = tokens.session;
        streamSession = session;
        const call = pubsub.subscribe();
        call.once('data', () => session && tokens.accepted(session, 'stream'));
        return call;
      },
    },
    streamToken: {
      async renew(cause) {
        if (streamSession !== undefined) await tokens.renew(streamSession, 'stream', cause);
      },
      checkAddress: async () => streamSession !== undefined && (await tokens.checkAddress(streamSession)),
    },
  };
}
