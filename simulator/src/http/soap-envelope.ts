import { SaxesParser } from 'saxes';

/** Parses a SOAP message: its headers and the first element of its body. Throws SoapError if it is invalid. */
export const readSoapMessage = (text: string): SoapMessage => {
  const envelope = parseXml(text);
  const body = childNamed(envelope, 'Body')?.children[0];
  if (envelope.name !== 'Envelope' || !body) throw new SoapError('UNKNOWN_EXCEPTION', 'no SOAP body');
  return { headers: childNamed(envelope, 'Header')?.children ?? [], call: body };
};

/** The text of the first child of that name. */
export const childText = (element: SoapElement | undefined, name: string): string | undefined =>
  element && childNamed(element, name)?.text;

const childNamed = (element: SoapElement, name: string): SoapElement | undefined =>
  element.children.find((child) => child.name === name);

export const soapResponse = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;

export const soapFault = ({ code, message }: SoapError): string =>
  soapResponse(
    `<soapenv:Fault><faultcode>sf:${code}</faultcode><faultstring>${escapeXml(`${code}: ${message}`)}</faultstring><detail><sf:${faultType(code)} xsi:type="sf:${faultType(code)}"><sf:exceptionCode>${code}</sf:exceptionCode><sf:exceptionMessage>${escapeXml(message)}</sf:exceptionMessage></sf:${faultType(code)}></detail></soapenv:Fault>`,
  );

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** An error that is sent as a SOAP fault (HTTP 500). */
export class SoapError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'SoapError';
    this.code = code;
  }
}

const faultType = (code: string) => (code === 'INVALID_LOGIN' ? 'LoginFault' : 'UnexpectedErrorFault');

/** Removes namespace prefixes. Refuses a document type, because it could define entities. */
const parseXml = (text: string): SoapElement => {
  const root: MutableElement = { name: '', text: '', children: [] };
  const open = [root];
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw new SoapError('UNKNOWN_EXCEPTION', `the message is not XML: ${error.message}`);
  });
  parser.on('doctype', () => {
    throw new SoapError('UNKNOWN_EXCEPTION', 'a document type declaration is not allowed');
  });
  parser.on('opentag', ({ local }) => {
    if (open.length > maxDepth) throw new SoapError('UNKNOWN_EXCEPTION', 'the message is nested too deeply');
    const element: MutableElement = { name: local, text: '', children: [] };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  const addText = (value: string) => {
    const element = open.at(-1);
    if (element) element.text += value;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => open.pop());
  parser.write(text).close();
  const [element] = root.children;
  if (!element) throw new SoapError('UNKNOWN_EXCEPTION', 'the message is empty');
  return element;
};

const maxDepth = 32;

export type SoapMessage = { readonly headers: readonly SoapElement[]; readonly call: SoapElement };

export type SoapElement = {
  /** Without its namespace prefix. */
  readonly name: string;
  readonly text: string;
  readonly children: readonly SoapElement[];
};

type MutableElement = { readonly name: string; text: string; readonly children: MutableElement[] };
