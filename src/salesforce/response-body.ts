import type { HttpResponse } from 'jsforce';

/** Parses a JSON object; empty if the text is something else. */
export function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isHtml(headers: HttpResponse['headers']): boolean {
  return /^text\/html\b/i.test(headers['content-type'] ?? '');
}

const maxShown = 120;

/** Describes a body that is not JSON for a message, without its HTML. */
export function describeBody(text: string): string {
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(text)?.[1];
  if (/<(!doctype|html|head|body)\b/i.test(text)) {
    return title === undefined || title.trim() === '' ? 'an HTML page' : `an HTML page: ${toOneLine(title)}`;
  }
  return text.trim() === '' ? 'an empty body' : toOneLine(text);
}

function toOneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > maxShown ? `${line.slice(0, maxShown)}…` : line;
}
