import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { mintSelfSignedCertificate } from '../../src/pubsub/self-signed-certificate.ts';

describe('self-signed certificates', () => {
  const identity = mintSelfSignedCertificate(['localhost', '127.0.0.1', '::1', 'fe80::12:345']);

  it('the certificate is readable, self-signed and valid', () => {
    const certificate = new X509Certificate(identity.cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.ca).toBe(true);
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FE80:0:0:0:0:0:12:345',
    );
    expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now());
    expect(certificate.validToDate.getTime()).toBeGreaterThan(Date.now() + 300 * 86_400_000);
  });

  it.each(['localhost', '127.0.0.1'])(
    'a client that trusts the certificate accepts it for %s',
    async (servername) => {
      const server = createServer(identity, (socket) => socket.end('hello')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const name = servername === 'localhost' ? { servername } : {};
      const socket = connect({ port, host: '127.0.0.1', ca: identity.cert, ...name });
      const [data] = await once(socket, 'data');
      expect(String(data)).toBe('hello');
      expect(socket.authorized).toBe(true);
      socket.destroy();
      server.close();
    },
  );

  it('a client can trust the certificates of several simulators', async () => {
    const identities = Array.from({ length: 4 }, () => mintSelfSignedCertificate(['localhost']));
    const ca = identities.map(({ cert }) => cert);
    for (const identity of identities) {
      const server = createServer(identity).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
      await once(socket, 'secureConnect');
      expect(socket.authorized).toBe(true);
      socket.destroy();
      server.close();
    }
  });

  it('the certificate is refused for another name', async () => {
    const server = createServer(identity).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = connect({ port, host: '127.0.0.1', ca: identity.cert, servername: 'simulator.example' });
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    server.close();
  });
});
