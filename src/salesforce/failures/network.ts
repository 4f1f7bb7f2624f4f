import { type FailureRule, failureTable } from './rule.ts';

/** Connection failures, by the codes of Node.js and undici. Sources: "Common system errors", "crypto", "tls" of Node.js. */
export const networkRules: readonly FailureRule[] = [
  {
    codes: [
      'ECONNABORTED',
      'ECONNREFUSED',
      'ECONNRESET',
      'EHOSTDOWN',
      'EHOSTUNREACH',
      'ENETDOWN',
      'ENETRESET',
      'ENETUNREACH',
      'EPIPE',
      'ETIMEDOUT',
      'ESOCKETTIMEDOUT',
      'ERR_STREAM_PREMATURE_CLOSE',
      'ABORT_ERR',
      'AbortError',
      'TimeoutError',
      'UND_ERR_ABORTED',
      'UND_ERR_BODY_TIMEOUT',
      'UND_ERR_CLOSED',
      'UND_ERR_CONNECT_TIMEOUT',
      'UND_ERR_DESTROYED',
      'UND_ERR_HEADERS_TIMEOUT',
      'UND_ERR_RESPONSE',
      'UND_ERR_SOCKET',
      'HPE_INVALID_CONSTANT',
    ],
    failure: 'transient',
    action: 'Check the network between Tidemark and Salesforce; Tidemark retries automatically.',
  },
  {
    codes: ['EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ENOTFOUND'],
    failure: 'transient',
    action: 'Check the host name and the DNS of this machine; Tidemark retries automatically.',
  },
  {
    codes: [
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'CERT_REVOKED',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    failure: 'config',
    setting: 'NODE_EXTRA_CA_CERTS',
    action:
      'Check the address and the clock; if a proxy replaces certificates, name its authority in NODE_EXTRA_CA_CERTS.',
  },
  {
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID', 'HOSTNAME_MISMATCH'],
    failure: 'config',
    action: 'Check the address: the certificate of this host is for other names.',
  },
  {
    codes: [
      'EPROTO',
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'ERR_SSL_PACKET_LENGTH_TOO_LONG',
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    ],
    failure: 'config',
    action: 'Check that the address is one of Salesforce and speaks HTTPS.',
  },
  { codes: ['ERR_INVALID_URL'], failure: 'config', action: 'Correct the address of Salesforce.' },
  {
    codes: ['ERR_INSECURE_ADDRESS'],
    failure: 'config',
    action: 'Use an https:// address; http:// is allowed only for this machine.',
  },
  {
    codes: ['ERR_PROXY_AUTHENTICATION'],
    failure: 'config',
    setting: 'HTTPS_PROXY',
    action: 'Set the user and the password of the proxy: http://user:password@host:port.',
  },
  {
    codes: ['ERR_PROXY_REFUSED'],
    failure: 'transient',
    setting: 'HTTPS_PROXY',
    action:
      'Let the proxy connect to Salesforce, or name the host in NO_PROXY; Tidemark retries automatically.',
  },
  {
    // Not transient: that would read it again at once.
    codes: ['ERR_RESPONSE_TOO_LARGE'],
    failure: 'unknown',
    action: 'Check that the address is the one of the org; Tidemark retries automatically.',
  },
];

export const networkFailures = failureTable(networkRules);
