import { isConfidential } from '../egress/proxy-rule.ts';
import type { NotifyOptions } from '../operations/notify.ts';
import { ConfigError } from './config-error.ts';
import { parseList } from './parse-access.ts';
import { parseSigningKey } from './parse-webhook-senders.ts';

/** The settings of notifications. */
export type NotifySettings = { readonly NOTIFY_URLS?: string; readonly NOTIFY_SECRET?: string };

/** @throws ConfigError naming the settings, without secrets */
export function parseNotify({ NOTIFY_URLS, NOTIFY_SECRET }: NotifySettings): NotifyOptions {
  const problems: string[] = [];
  const urls = parseList(NOTIFY_URLS);
  for (const [index, url] of urls.entries()) {
    if (!URL.canParse(url) || !isConfidential(url)) {
      problems.push(`NOTIFY_URLS: entry ${index + 1} must be an https:// URL, or http:// on this machine`);
    }
  }
  const signingKey = NOTIFY_SECRET === undefined ? undefined : parseSigningKey(NOTIFY_SECRET);
  if (NOTIFY_SECRET !== undefined && signingKey === undefined) {
    problems.push(
      'NOTIFY_SECRET: must be whsec_ followed by the base64 of 24 to 64 bytes, for example from "openssl rand -base64 32"',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { urls, ...(signingKey && { signingKey }) };
}
