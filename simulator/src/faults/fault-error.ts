import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** Parameters that a fault does not take; the message names them. */
export class FaultError extends Error {
  readonly statusCode: number = 400;

  constructor(message: string) {
    super(message);
    this.name = 'FaultError';
  }
}

/** Says of the first wrong parameter which one it is and why. */
export function wrongParameters(schema: TSchema, parameters: unknown): FaultError {
  for (const { instancePath, keyword, message, params } of Value.Errors(schema, parameters)) {
    if (keyword === 'boolean') continue;
    const names = new Set([instancePath.slice(1).replaceAll('/', '.')]);
    if (keyword === 'required') names.add(params.requiredProperties.join(', '));
    if (keyword === 'additionalProperties') names.add(params.additionalProperties.join(', '));
    const allowed = keyword === 'enum' ? `: ${params.allowedValues.join(', ')}` : '';
    const place = [...names].filter((name) => name !== '').join('.');
    return new FaultError(`${place === '' ? 'the parameters' : place} ${message}${allowed}`);
  }
  return new FaultError('the parameters cannot be read');
}
