import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';

/**
 * The HTTP/2 connections to one port of this process, for faults of a network or a proxy. gRPC does not expose
 * them; Node's diagnostics channels do.
 */
export function watchConnections(port: number) {
  const sockets = new Set<Socket>();
  const streams = new Set<ServerHttp2Stream>();

  function onSocket(message: unknown): void {
    const { socket } = Object(message);
    if (!(socket instanceof Socket) || socket.localPort !== port) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  function onStream(message: unknown): void {
    const stream: ServerHttp2Stream = Object(message).stream;
    if (stream.session?.socket.localPort !== port) return;
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
  }

  subscribe('net.server.socket', onSocket);
  subscribe('http2.server.stream.created', onStream);
  const sessions = () => new Set([...streams].flatMap(({ session }) => session ?? []));

  return {
    /** RST_STREAM on every open stream, whose number it returns; the connections stay. */
    resetStreams(code: ResetCode): number {
      const open = [...streams];
      for (const stream of open) stream.close(constants[RESET_CODES[code]]);
      return open.length;
    },
    /** GOAWAY on every connection that has a stream, then closes it. Returns their number. */
    goAway(code: ResetCode): number {
      const open = sessions();
      for (const session of open) sendGoAway(session, constants[RESET_CODES[code]]);
      return open.size;
    },
    /** TCP reset of every connection. Returns their number. */
    cut(): number {
      const open = [...sockets];
      for (const socket of open) socket.resetAndDestroy();
      return open.length;
    },
    /** Stops watching. */
    close(): void {
      unsubscribe('net.server.socket', onSocket);
      unsubscribe('http2.server.stream.created', onStream);
    },
  };
}

/** Destroys the connection after the frame is sent. */
function sendGoAway(session: Http2Session, code: number): void {
  session.goaway(code);
  setImmediate(() => session.destroy(undefined, code));
}

const RESET_CODES = {
  NO_ERROR: 'NGHTTP2_NO_ERROR',
  INTERNAL_ERROR: 'NGHTTP2_INTERNAL_ERROR',
  REFUSED_STREAM: 'NGHTTP2_REFUSED_STREAM',
  CANCEL: 'NGHTTP2_CANCEL',
  ENHANCE_YOUR_CALM: 'NGHTTP2_ENHANCE_YOUR_CALM',
} as const;

/** Error codes of HTTP/2, RFC 9113, section 7. */
export type ResetCode = keyof typeof RESET_CODES;

export type PubSubConnections = ReturnType<typeof watchConnections>;
