/** The trusted senders of webhooks. */
export type WebhookSenders = {
  /** A change event is signed with one of these keys. If empty, change events are not accepted. */
  readonly signingKeys: readonly Uint8Array[];
  /** If undefined, outbound messages are not accepted. */
  readonly outboundMessages: OutboundMessageSenders | undefined;
};

export type OutboundMessageSenders = {
  /** 18 characters each. */
  readonly organizationIds: ReadonlySet<string>;
  /** The path ends with one of these; empty if the client certificate alone identifies the sender. */
  readonly pathSecrets: readonly string[];
  readonly clientCertificate: TrustedCertificates | undefined;
};

/** A proxy that terminates TLS passes the fingerprint of the verified client certificate in a header. */
export type TrustedCertificates = {
  /** Lower case. */
  readonly header: string;
  /** SHA-256, hexadecimal, lower case, without colons. */
  readonly fingerprints: ReadonlySet<string>;
  /** Whether the address is a trusted proxy: any other client could forge the header. */
  isProxy(address: string): boolean;
};
