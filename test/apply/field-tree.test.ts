import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromTree, toTree } from '../../src/apply/field-tree.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { runs } from '../helpers/property.ts';

const name = fc.stringMatching(/^[A-Z][a-z]{0,3}(__c)?$/);
const scalar = fc.oneof<fc.Arbitrary<Scalar>[]>(
  fc.constant(null),
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.boolean(),
);
const filled = (values: ReadonlyMap<string, Scalar>) =>
  [...values].filter(([, value]) => value !== null).sort();

describe('the tree of field values', () => {
  it('compound fields are objects of their filled parts', () => {
    const values = new Map<string, Scalar>([
      ['Name', 'Quill Ltd'],
      ['Industry', null],
      ['BillingAddress', null],
      ['BillingAddress.City', 'Oslo'],
      ['BillingAddress.Street', null],
      ['ShippingAddress', null],
      ['ShippingAddress.City', null],
    ]);
    expect(toTree(values)).toEqual({
      Name: 'Quill Ltd',
      Industry: null,
      BillingAddress: { City: 'Oslo' },
      ShippingAddress: null,
    });
  });

  it('the tree is the same whether the whole or its parts come first', () => {
    const entries: [string, Scalar][] = [
      ['BillingAddress.City', 'Oslo'],
      ['BillingAddress', null],
      ['BillingAddress.Street', '1 Quay'],
    ];
    expect(toTree(new Map(entries))).toEqual(toTree(new Map(entries.toReversed())));
  });

  it('the name of a company is a text and that of a person has parts', () => {
    const company = new Map<string, Scalar>([
      ['Name', 'Quill Ltd'],
      ['Name.LastName', null],
    ]);
    const person = new Map<string, Scalar>([
      ['Name', null],
      ['Name.LastName', 'Quill'],
    ]);
    expect(toTree(company)).toEqual({ Name: 'Quill Ltd' });
    expect(toTree(person)).toEqual({ Name: { LastName: 'Quill' } });
  });

  it('the tree can be converted back to every value but empty ones, also through JSON', () => {
    const plain = fc.tuple(name, scalar).map(([field, value]): [string, Scalar][] => [[field, value]]);
    const compound = fc
      .tuple(name, fc.dictionary(name, scalar))
      .map(([field, parts]): [string, Scalar][] => [
        [field, null],
        ...Object.entries(parts).map(([part, value]): [string, Scalar] => [`${field}.${part}`, value]),
      ]);
    const fields = fc.uniqueArray(fc.oneof(plain, compound), { selector: (entries) => entries[0]?.[0] });
    fc.assert(
      fc.property(fields, (entries) => {
        const values = new Map(entries.flat());
        const back = fromTree(JSON.parse(JSON.stringify(toTree(values))));
        expect(filled(back)).toEqual(filled(values));
      }),
      runs,
    );
  });
});
