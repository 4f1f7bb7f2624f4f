import { SalesforceError } from './error.ts';
import type { PubSubClient } from './pubsub-client.ts';
import type { TokenSource } from './token-source.ts';

/** What can be asked about the token that the last stream was opened with. */
export type StreamToken = {
  /** It was refused: gets another one. @throws SalesforceError of the sign-in */
  renew(cause: SalesforceError): Promise<void>;
  /** The stream was refused for another reason. @returns whether the org lives at another address now */
  checkAddress(): Promise<boolean>;
};

/**
 * Lookups sign in if need be, and are repeated with a new token if theirs is refused. A stream outlives its token, so
 * nobody else may notice for hours. Opening a stream is left to whoever opens it.
 */
export function withFreshToken(
  pubsub: PubSubClient,
  tokens: TokenSource,
): { readonly pubsub: PubSubClient; readonly streamToken: StreamToken } {
  const asked = async <T>(lookUp: () => Promise<T>): Promise<T> => {
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
  let ofStream = tokens.session;
  return {
    pubsub: {
      ...pubsub,
      getTopic: (topic) => asked(() => pubsub.getTopic(topic)),
      getSchema: (schemaId) => asked(() => pubsub.getSchema(schemaId)),
      subscribe() {
        const session = tokens.session;
        ofStream = session;
        const call = pubsub.subscribe();
        call.once('data', () => session && tokens.accepted(session, 'stream'));
        return call;
      },
    },
    streamToken: {
      async renew(cause) {
        if (ofStream !== undefined) await tokens.renew(ofStream, 'stream', cause);
      },
      checkAddress: async () => ofStream !== undefined && (await tokens.checkAddress(ofStream)),
    },
  };
}
