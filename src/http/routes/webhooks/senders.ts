/** Who may send webhooks, and how they are known. */
export type WebhookSenders = {
  /** Keys of the signatures of change events; any of them will do. None: no change events are taken. */
  readonly signingKeys: readonly Uint8Array[];
  /** Undefined: no outbound messages are taken. */
  readonly outboundMessages: OutboundMessageSenders | undefined;
};

export type OutboundMessageSenders = {
  /** 18 characters each. */
  readonly organizationIds: ReadonlySet<string>;
  /** One of these ends the path; none where the certificate alone proves who sends. */
  readonly pathSecrets: readonly string[];
  readonly clientCertificate: TrustedCertificates | undefined;
};

/** A proxy that ends TLS says in a header which client certificate it has checked. */
export type TrustedCertificates = {
  /** Lower case. */
  readonly header: string;
  /** SHA-256, hexadecimal, lower case, without colons. */
  readonly fingerprints: ReadonlySet<string>;
  /** Whether an address is one of our proxies: anybody else could write the header. */
  isProxy(address: string): boolean;
};
