import { randomUUID } from 'node:crypto';
import type {
  Metadata,
  ServerDuplexStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { toLongId } from '../org/record-id.ts';
import type { Bus } from './bus.ts';
import { type PubSubFailure, pubSubFailures, type RpcName, toServiceError } from './failures.ts';
import { openSubscription, type StreamFaults } from './subscription.ts';
import type {
  FetchRequest,
  FetchResponse,
  SchemaInfo,
  SchemaRequest,
  TopicInfo,
  TopicRequest,
} from './wire.ts';

/** The methods of the Pub/Sub API, without publishing and managed subscriptions. */
export function pubSubMethods(options: PubSubMethodOptions): UntypedServiceImplementation {
  const { bus, organizationId, faults } = options;

  function refuse(rpc: RpcName, metadata: Metadata): PubSubFailure | undefined {
    return faults.refuse?.(rpc) ?? refuseMetadata(metadata, options);
  }

  /** A method with one request and one response or failure. */
  function unary<Request, Response extends object>(
    rpc: RpcName,
    respond: (request: Request, rpcId: string) => Response | PubSubFailure,
  ) {
    return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      const rpcId = randomUUID();
      const result = refuse(rpc, call.metadata) ?? respond(call.request, rpcId);
      later(faults.delayMs?.(rpc) ?? 0, () => {
        if ('errorCode' in result) callback(toServiceError(result, rpc, rpcId));
        else callback(null, result);
      });
    };
  }

  function subscribe(call: SubscribeCall): void {
    const rpcId = randomUUID();
    const refused = refuse('Subscribe', call.metadata);
    if (refused === undefined) serveSubscription(call, rpcId, options);
    else call.emit('error', toServiceError(refused, 'Subscribe', rpcId));
  }

  return {
    getTopic: unary('GetTopic', (request: TopicRequest, rpcId) =>
      describeTopic(bus, organizationId, request, rpcId),
    ),
    getSchema: unary('GetSchema', (request: SchemaRequest, rpcId) => findSchema(bus, request, rpcId)),
    subscribe,
    publish: unary('Publish', () => pubSubFailures.notImplemented),
    publishStream: unsupported('PublishStream'),
    managedSubscribe: unsupported('ManagedSubscribe'),
  };
}

function serveSubscription(call: SubscribeCall, rpcId: string, options: PubSubMethodOptions): void {
  const { bus, faults, sessions } = options;
  const fail = (failure: PubSubFailure) => {
    call.emit('error', toServiceError(failure, 'Subscribe', rpcId));
  };
  const session: Session = { end: () => call.end(), fail };
  const subscription = openSubscription({
    bus,
    rpcId,
    keepaliveMs: options.keepaliveMs,
    idleMs: options.idleMs,
    faults,
    end: session.end,
    write: (response) =>
      (faults.alter?.(response) ?? [response]).map((each) => call.write(each)).every(Boolean),
  });
  sessions.add(session);
  call.on('data', (request: FetchRequest) => {
    const failure = subscription.request(request);
    if (failure !== undefined) fail(failure);
  });
  call.on('drain', subscription.drained);
  call.on('end', session.end);
  for (const event of ['finish', 'cancelled', 'close', 'error']) {
    call.on(event, () => {
      subscription.close();
      sessions.delete(session);
    });
  }
}

function later(delayMs: number, work: () => void): void {
  if (delayMs > 0) setTimeout(work, delayMs).unref();
  else work();
}

function describeTopic(
  bus: Bus,
  organizationId: string,
  { topicName }: TopicRequest,
  rpcId: string,
): TopicInfo | PubSubFailure {
  if (topicName === '') return pubSubFailures.topicEmpty;
  const topic = bus.topic(topicName);
  if (topic === undefined) return pubSubFailures.topicNotFound;
  const schemaId = topic.schemaId();
  return { topicName, tenantGuid: organizationId, canPublish: false, canSubscribe: true, schemaId, rpcId };
}

function findSchema(bus: Bus, { schemaId }: SchemaRequest, rpcId: string): SchemaInfo | PubSubFailure {
  const schemaJson = bus.schema(schemaId);
  return schemaJson === undefined ? pubSubFailures.schemaInvalid : { schemaJson, schemaId, rpcId };
}

function unsupported(rpc: RpcName) {
  return (call: ServerDuplexStream<object, object>): void => {
    call.emit('error', toServiceError(pubSubFailures.notImplemented, rpc, randomUUID()));
  };
}

/** The failure of a call with missing or invalid headers; undefined if they are valid. */
function refuseMetadata(metadata: Metadata, rules: AuthRules): PubSubFailure | undefined {
  const [accessToken, instanceUrl, tenantId] = ['accesstoken', 'instanceurl', 'tenantid'].map((key) =>
    String(metadata.get(key)[0] ?? ''),
  );
  if (!accessToken || !instanceUrl || !tenantId) return pubSubFailures.headersMissing;
  const known = toLongId(tenantId) === rules.organizationId && rules.authenticate(accessToken) !== undefined;
  return known ? undefined : pubSubFailures.notAuthenticated;
}

type PubSubMethodOptions = AuthRules & {
  readonly bus: Bus;
  readonly keepaliveMs: number;
  readonly idleMs: number;
  readonly faults: PubSubFaults;
  /** The open Subscribe calls. */
  readonly sessions: Set<Session>;
};

/** Faults of calls; each function is called on every occasion. */
export type PubSubFaults = StreamFaults & {
  /** Refuses a call before it is validated. */
  readonly refuse?: (rpc: RpcName) => PubSubFailure | undefined;
  /** The responses to send instead of one. */
  readonly alter?: (response: FetchResponse) => readonly FetchResponse[];
  /** While true, a relay forwards nothing; `onChange` reports changes. */
  readonly isFrozen?: () => boolean;
  /** Milliseconds before the response. */
  readonly delayMs?: (rpc: RpcName) => number;
};

export type Session = { readonly end: () => void; readonly fail: (failure: PubSubFailure) => void };

type SubscribeCall = ServerDuplexStream<FetchRequest, FetchResponse>;

export type AuthRules = {
  /** 18 characters. */
  readonly organizationId: string;
  /** The user of a valid access token. */
  readonly authenticate: (accessToken: string) => { readonly userId: string } | undefined;
};
