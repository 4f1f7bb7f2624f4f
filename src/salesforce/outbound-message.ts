import { SaxesParser } from 'saxes';
import type { ChangeEvent } from './change-event.ts';
import { accountPrefix, parseRecordId } from './record-id.ts';
import { createYielder } from './yielder.ts';

/** A notification of an outbound message: a record changed. */
export type Notice = {
  /** The same if the notification is sent again. */
  readonly notificationId: string;
  readonly organizationId: string;
  readonly actionId: string;
  /** `Account` */
  readonly entityName: string;
  /** 18 characters. */
  readonly recordId: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
};

export type OutboundMessage = {
  /** 18 characters. */
  readonly organizationId: string;
  readonly notices: readonly Notice[];
};

/** The reason why a message is refused, and the position. */
export class XmlError extends Error {
  constructor(reason: string, { line, column }: { readonly line: number; readonly column: number }) {
    super(`${reason} at line ${line}, column ${column}`);
    this.name = 'XmlError';
  }
}

// Salesforce sends up to 100 notifications of up to 800 fields each, and no comments.
const limits = {
  depth: 8,
  elements: 100_000,
  attributes: 16,
  notifications: 100,
  sections: 100_000,
  comments: 100,
} as const;
// Characters between yields.
const chunkLength = 4_096;

/**
 * Parses a Salesforce outbound message: SOAP 1.1, up to 100 notifications. Field values are ignored, because they are of
 * the time of sending. Prefixes of names are ignored, because resolving them costs more with each nesting level. Yields
 * to the event loop, and stops at the first error.
 *
 * @param checkSender throws if messages of the org are not accepted; called as soon as its id is known
 * @throws XmlError, and the errors of `checkSender`
 */
export async function parseOutboundMessage(
  text: string,
  receivedAt: number,
  checkSender: (organizationId: string) => void = () => {},
): Promise<OutboundMessage> {
  const parser = new SaxesParser({ xmlns: false, position: true });
  const refuse = (reason: string): never => {
    throw new XmlError(reason, { line: parser.line, column: parser.columnIndex });
  };
  const collected = new Collected(refuse, checkSender);
  listen(parser, collected, refuse);
  const yieldIfDue = createYielder();
  for (let at = 0; at < text.length; at += chunkLength) {
    parser.write(text.slice(at, at + chunkLength));
    await yieldIfDue();
  }
  parser.close();
  return collected.message(receivedAt);
}

/** Refuses everything that is not part of an outbound message. */
function listen(
  parser: SaxesParser<{ xmlns: false; position: true }>,
  collected: Collected,
  refuse: (reason: string) => never,
): void {
  const path: string[] = [];
  let elements = 0;
  let attributes = 0;
  let sections = 0;
  let comments = 0;
  parser.on('error', (error) => refuse(`it is not XML (${error.message.replace(/^[\d:\s]+/, '')})`));
  parser.on('doctype', () => refuse('a document type declaration is not allowed'));
  parser.on('processinginstruction', () => refuse('a processing instruction is not allowed'));
  parser.on('xmldecl', ({ encoding, version }) => {
    if (version !== '1.0') refuse('only XML 1.0 is accepted');
    if (encoding !== undefined && !/^utf-8$/i.test(encoding)) refuse('only UTF-8 is accepted');
  });
  parser.on('comment', () => {
    if (++comments > limits.comments) refuse(`it has more than ${limits.comments} comments`);
  });
  parser.on('opentagstart', ({ name }) => {
    attributes = 0;
    if (++elements > limits.elements) refuse(`it has more than ${limits.elements} elements`);
    if (path.length >= limits.depth) refuse(`it is nested more than ${limits.depth} levels deep`);
    const problem = misplaced(path, localName(name));
    if (problem !== undefined) refuse(problem);
  });
  parser.on('attribute', () => {
    if (++attributes > limits.attributes) refuse(`an element has more than ${limits.attributes} attributes`);
  });
  parser.on('opentag', ({ name, attributes: given }) => {
    path.push(localName(name));
    collected.open(path, given);
    if (collected.size > limits.notifications) {
      refuse(`it has more than ${limits.notifications} notifications`);
    }
  });
  parser.on('text', (content) => collected.text(path, content));
  parser.on('cdata', (content) => {
    if (++sections > limits.sections) refuse(`it has more than ${limits.sections} CDATA sections`);
    collected.text(path, content);
  });
  parser.on('closetag', () => {
    collected.close(path);
    path.pop();
  });
}

/** Allowed child elements. Inside an sObject, and in a header that an intermediary adds, all are allowed. */
const children: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['', new Set(['Envelope'])],
  ['Envelope', new Set(['Header', 'Body'])],
  ['Envelope/Body', new Set(['notifications'])],
  [
    'Envelope/Body/notifications',
    new Set(['OrganizationId', 'ActionId', 'SessionId', 'EnterpriseUrl', 'PartnerUrl', 'Notification']),
  ],
  ['Envelope/Body/notifications/Notification', new Set(['Id', 'sObject'])],
]);
const openTo: readonly string[] = ['Envelope/Header', 'Envelope/Body/notifications/Notification/sObject'];

function misplaced(path: readonly string[], name: string): string | undefined {
  const where = path.join('/');
  if (children.get(where)?.has(name) === true) return undefined;
  if (openTo.some((open) => where === open || where.startsWith(`${open}/`))) return undefined;
  return `the element ${name.slice(0, 80)} is not part of an outbound message`;
}

/** Collects the relevant texts by their path in the message. */
class Collected {
  readonly #outer = new Map<string, string>();
  readonly #notifications: { id: string; recordId: string; type: string | undefined }[] = [];
  readonly #refuse: (reason: string) => never;
  readonly #checkSender: (organizationId: string) => void;
  #isMessage = false;

  constructor(refuse: (reason: string) => never, checkSender: (organizationId: string) => void) {
    this.#refuse = refuse;
    this.#checkSender = checkSender;
  }

  get size(): number {
    return this.#notifications.length;
  }

  open(path: readonly string[], attributes: Readonly<Record<string, string>>): void {
    const where = path.join('/');
    if (where === message) this.#isMessage = true;
    if (where === `${message}/Notification`) {
      // Salesforce sends the org id first: notifications of an unknown org are not parsed.
      if (!this.#outer.has('OrganizationId')) this.#refuse('OrganizationId is missing before a notification');
      this.#notifications.push({ id: '', recordId: '', type: undefined });
    }
    const last = this.#notifications.at(-1);
    if (where !== `${message}/Notification/sObject` || last === undefined) return;
    const type = Object.entries(attributes).find(([name]) => name !== 'type' && localName(name) === 'type');
    last.type = type === undefined ? undefined : localName(type[1]);
  }

  text(path: readonly string[], content: string): void {
    const last = this.#notifications.at(-1);
    switch (path.join('/')) {
      case `${message}/OrganizationId`:
      case `${message}/ActionId`: {
        const name = path.at(-1) ?? '';
        this.#outer.set(name, (this.#outer.get(name) ?? '') + content);
        break;
      }
      case `${message}/Notification/Id`:
        if (last !== undefined) last.id += content;
        break;
      case `${message}/Notification/sObject/Id`:
        if (last !== undefined) last.recordId += content;
        break;
    }
  }

  close(path: readonly string[]): void {
    if (path.at(-1) === 'OrganizationId' && path.join('/') === `${message}/OrganizationId`)
      this.#checkSender(this.#id(this.#outer.get('OrganizationId'), 'OrganizationId'));
  }

  #id(text: string | undefined, what: string): string {
    return parseRecordId((text ?? '').trim()) ?? this.#refuse(`${what} is not an id`);
  }

  message(receivedAt: number): OutboundMessage {
    const refuse = this.#refuse;
    if (!this.#isMessage) return refuse('it is not an outbound message');
    const id = (text: string | undefined, what: string): string => this.#id(text, what);
    const organizationId = id(this.#outer.get('OrganizationId'), 'OrganizationId');
    const actionId = id(this.#outer.get('ActionId'), 'ActionId');
    // A record that was deleted before the sending is empty.
    const reported = this.#notifications.filter(({ recordId }) => recordId.trim() !== '');
    const notices = reported.map((notification) => {
      const notificationId = id(notification.id, 'the Id of a notification');
      const entityName = notification.type ?? refuse('an sObject has no xsi:type');
      const recordId = id(notification.recordId, 'the Id of an sObject');
      const isOther = entityName === 'Account' && !recordId.startsWith(accountPrefix);
      if (isOther) refuse('the Id of an Account does not begin with 001');
      return { notificationId, organizationId, actionId, entityName, recordId, receivedAt };
    });
    return { organizationId, notices };
  }
}

const message = 'Envelope/Body/notifications';

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Formats a notice for the event log. */
export function formatNotice(notice: Notice): string {
  return JSON.stringify(notice);
}

/** @param text from {@link formatNotice} */
export function parseNotice(text: string): Notice {
  return JSON.parse(text) as Notice;
}

/** Converts a notice to a gap event: the record changed, without values. */
export function toGapEvent(notice: Notice): ChangeEvent {
  return {
    header: {
      entityName: notice.entityName,
      recordIds: [notice.recordId],
      changeType: 'GAP_UPDATE',
      changeOrigin: 'outbound message',
      transactionKey: notice.notificationId,
      sequenceNumber: 1,
      commitTimestamp: notice.receivedAt,
      commitNumber: 0n,
      commitUser: '',
      changedFields: [],
      nulledFields: [],
      diffFields: [],
    },
    values: new Map(),
    missing: [],
  };
}
