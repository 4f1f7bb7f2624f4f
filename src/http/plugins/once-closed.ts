import type { ServerResponse } from 'node:http';

/** Calls `release` when the response is closed: at once if the client left while its token was verified. */
export function onceClosed(response: ServerResponse, release: () => void): void {
  if (response.closed) release();
  else response.once('close', release);
}
