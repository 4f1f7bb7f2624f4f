import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type {
  ConsumerEvent,
  FetchRequest,
  FetchResponse,
  SchemaInfo,
  TopicInfo,
} from '../../src/pubsub/wire.ts';
import { loadPubSubService } from '../../src/pubsub/wire.ts';
import { eventually } from '../eventually.ts';

/** A client of the Pub/Sub API that is made from the wire contract and adds nothing to it. */
export function connectPubSub(options: ConnectOptions) {
  const client = new Client(
    `${options.host ?? '127.0.0.1'}:${options.port}`,
    options.trust === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(Buffer.from(options.trust)),
    { 'grpc.max_receive_message_length': 4 * 1024 * 1024 },
  );
  const metadata = new Metadata();
  for (const [key, value] of Object.entries({ ...VALID_HEADERS, ...options.headers })) {
    if (value !== '') metadata.set(key, value);
  }
  const service = loadPubSubService();

  function method(name: string) {
    const found = service[name];
    if (found === undefined) throw new Error(`no method ${name}`);
    return found;
  }

  function ask<Response>(name: string, request: object): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method(name);
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        (error, value?: Response) => {
          if (value === undefined) reject(error);
          else resolve(value);
        },
      );
    });
  }

  return {
    getTopic: (topicName: string) => ask<TopicInfo>('GetTopic', { topicName }),
    getSchema: (schemaId: string) => ask<SchemaInfo>('GetSchema', { schemaId }),
    publish: (topicName: string) => ask<object>('Publish', { topicName }),
    subscribe(first?: Partial<FetchRequest>): TestSubscription {
      const { path, requestSerialize, responseDeserialize } = method('Subscribe');
      return follow(
        client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata),
        first,
      );
    },
    close: () => client.close(),
  };
}

function follow(
  call: ClientDuplexStream<Partial<FetchRequest>, FetchResponse>,
  first: Partial<FetchRequest> | undefined,
): TestSubscription {
  const responses: FetchResponse[] = [];
  const state: { error?: ServiceError; ended: boolean } = { ended: false };
  call.on('data', (response: FetchResponse) => responses.push(response));
  call.on('error', (error: ServiceError) => {
    state.error = error;
  });
  call.on('end', () => {
    state.ended = true;
  });
  if (first !== undefined) call.write({ topicName: '/data/AccountChangeEvent', numRequested: 100, ...first });
  const events = () => responses.flatMap((response) => [...response.events]);
  return {
    responses,
    events,
    request: (request) => call.write(request),
    cancel: () => call.cancel(),
    received: (count) =>
      eventually(`${count} events`, () => (events().length < count ? undefined : events())),
    failure: () => eventually('the stream fails', () => state.error),
    cleanEnd: async () => {
      await eventually('the stream ends', () => state.ended);
      if (state.error !== undefined) throw state.error;
    },
  };
}

export const VALID_TOKEN = 'a-valid-token';
export const ORGANIZATION_ID = '00DTM00000000012AA';

const VALID_HEADERS = {
  accesstoken: VALID_TOKEN,
  instanceurl: 'https://simulator.example',
  tenantid: ORGANIZATION_ID,
};

type ConnectOptions = {
  readonly port: number;
  readonly host?: string;
  /** PEM of a certificate to trust; without it the connection is plaintext. */
  readonly trust?: string;
  /** A blank value leaves a header out. */
  readonly headers?: Partial<typeof VALID_HEADERS>;
};

type TestSubscription = {
  readonly responses: readonly FetchResponse[];
  events(): ConsumerEvent[];
  request(request: Partial<FetchRequest>): void;
  cancel(): void;
  /** Resolves with all events when there are at least `count`. */
  received(count: number): Promise<ConsumerEvent[]>;
  failure(): Promise<ServiceError>;
  cleanEnd(): Promise<void>;
};
