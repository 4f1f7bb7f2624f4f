import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** The service of `pubsub.proto` for a gRPC server or client. */
export function loadPubSubService(): ServiceDefinition {
  const file = fileURLToPath(new URL('../../pubsub.proto', import.meta.url));
  const definition = loadSync(file, {
    keepCase: false,
    longs: String,
    enums: String,
    defaults: true,
    arrays: true,
  })['eventbus.v1.PubSub'];
  if (definition === undefined || isMessageOrEnum(definition)) {
    throw new Error('pubsub.proto has no service eventbus.v1.PubSub');
  }
  return definition;
}

function isMessageOrEnum(definition: ReturnType<typeof loadSync>[string]): definition is LoadedType {
  return 'format' in definition;
}

type LoadedType = Exclude<ReturnType<typeof loadSync>[string], ServiceDefinition>;

/** Decoded messages: missing texts and bytes are empty, missing numbers are 0. */
export type FetchRequest = {
  readonly topicName: string;
  readonly replayPreset: 'LATEST' | 'EARLIEST' | 'CUSTOM';
  readonly replayId: Uint8Array;
  readonly numRequested: number;
};

export type FetchResponse = {
  readonly events: readonly ConsumerEvent[];
  readonly latestReplayId: Uint8Array;
  readonly rpcId: string;
  readonly pendingNumRequested: number;
};

export type ConsumerEvent = {
  readonly event: { readonly id: string; readonly schemaId: string; readonly payload: Uint8Array };
  readonly replayId: Uint8Array;
};

export type TopicRequest = { readonly topicName: string };

export type TopicInfo = {
  readonly topicName: string;
  readonly tenantGuid: string;
  readonly canPublish: boolean;
  readonly canSubscribe: boolean;
  readonly schemaId: string;
  readonly rpcId: string;
};

export type SchemaRequest = { readonly schemaId: string };

export type SchemaInfo = { readonly schemaJson: string; readonly schemaId: string; readonly rpcId: string };
