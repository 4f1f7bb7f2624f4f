import { fileURLToPath } from 'node:url';
import {
  type ClientDuplexStream,
  connectivityState,
  Metadata,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { directEgress, type Egress, type GrpcTls } from '../egress/egress.ts';
import { defaultTiming, type Timing } from '../timing.ts';
import { endSpan, startClientSpan } from '../tracing.ts';
import { fromPubSub, SalesforceError } from './error.ts';

/** Credentials of a call. Source: "Supported Authentication", Pub/Sub API guide. */
export type PubSubIdentity = {
  readonly accessToken: string;
  readonly instanceUrl: string;
  /** 18 characters. */
  readonly organizationId: string;
};

export type PubSubOptions = GrpcTls & {
  /** Direct connections by default. */
  readonly egress?: Egress;
  /** Host and port. */
  readonly endpoint: string;
  readonly timing?: Pick<Timing, 'pingIntervalMs' | 'pingTimeoutMs'>;
  /** Called for each request, so that it uses the current token. */
  readonly identity: () => PubSubIdentity;
};

/** The used part of the Pub/Sub API: two lookups and the pull stream. */
export type PubSubClient = {
  /** @throws SalesforceError */
  getTopic(topic: string): Promise<TopicInfo>;
  /** The schema's JSON text. @throws SalesforceError */
  getSchema(schemaId: string): Promise<string>;
  subscribe(): ClientDuplexStream<FetchRequest, FetchResponse>;
  /** Whether the channel is ready. */
  isConnected(): boolean;
  close(): void;
};

export function createPubSubClient({ timing = defaultTiming, ...options }: PubSubOptions): PubSubClient {
  const { egress = directEgress, endpoint } = options;
  const client = egress.grpcClient(endpoint, options, {
    // Pings detect half-open connections.
    'grpc.keepalive_time_ms': timing.pingIntervalMs,
    'grpc.keepalive_timeout_ms': timing.pingTimeoutMs,
    // The subscription reconnects, with a new token and from the stored position.
    'grpc.enable_retries': 0,
  });
  const unary = <Request, Answer>(
    { path, serialize, deserialize }: Method<Request, Answer>,
    request: Request,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const span = startClientSpan(path.slice(1), grpcAttributes(path));
      const deadline = Date.now() + 30_000;
      const identity = metadata(options.identity());
      client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        identity,
        { deadline },
        (error, answer) => {
          endSpan(span, error);
          if (error) reject(fromPubSub(error));
          else if (answer === undefined)
            reject(new SalesforceError('the response is empty', 'EMPTY', 'transient'));
          else resolve(answer);
        },
      );
    });
  return {
    getTopic: (topicName) => unary(getTopic, { topicName }),
    getSchema: async (schemaId) => (await unary(getSchema, { schemaId })).schemaJson,
    subscribe: () => {
      const { path, serialize, deserialize } = subscribe;
      const span = startClientSpan(path.slice(1), grpcAttributes(path));
      const stream = client.makeBidiStreamRequest(path, serialize, deserialize, metadata(options.identity()));
      // The status arrives once, also after an error.
      return stream.once('status', ({ code, details }) => {
        endSpan(span, code === status.OK || code === status.CANCELLED ? undefined : new Error(details));
      });
    },
    isConnected: () => client.getChannel().getConnectivityState(false) === connectivityState.READY,
    close: () => client.close(),
  };
}

/** @param path `/package.Service/Method` */
function grpcAttributes(path: string): Record<string, string> {
  const [, service = '', method = ''] = path.split('/');
  return { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method };
}

function metadata({ accessToken, instanceUrl, organizationId }: PubSubIdentity): Metadata {
  const values = new Metadata();
  values.set('accesstoken', accessToken);
  values.set('instanceurl', instanceUrl);
  values.set('tenantid', organizationId);
  return values;
}

const definition = loadSync(fileURLToPath(new URL('./pubsub.proto', import.meta.url)), {
  longs: String,
  enums: String,
  defaults: true,
});
const service = definition['eventbus.v1.PubSub'] as ServiceDefinition;

/** A method of the service; its types are those of pubsub.proto. */
function method<Request extends object, Answer>(name: string): Method<Request, Answer> {
  const found = service[name];
  if (found === undefined) throw new Error(`pubsub.proto has no method ${name}`);
  return {
    path: found.path,
    serialize: found.requestSerialize,
    deserialize: (bytes) => found.responseDeserialize(bytes) as Answer,
  };
}

const getTopic = method<{ topicName: string }, TopicInfo>('GetTopic');
const getSchema = method<{ schemaId: string }, { schemaJson: string }>('GetSchema');
const subscribe = method<FetchRequest, FetchResponse>('Subscribe');

type Method<Request, Answer> = {
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Answer;
};

export type TopicInfo = {
  readonly topicName: string;
  readonly tenantGuid: string;
  readonly canPublish: boolean;
  readonly canSubscribe: boolean;
  /** Blank on channels with several entities. */
  readonly schemaId: string;
};

export type FetchRequest = {
  readonly topicName?: string;
  readonly replayPreset?: 'LATEST' | 'EARLIEST' | 'CUSTOM';
  readonly replayId?: Buffer;
  readonly numRequested: number;
};

export type FetchResponse = {
  readonly events: readonly {
    readonly event: { readonly id: string; readonly schemaId: string; readonly payload: Buffer };
    readonly replayId: Buffer;
  }[];
  readonly latestReplayId: Buffer;
  readonly rpcId: string;
  readonly pendingNumRequested: number;
};
