import { describe, expect, it } from 'vitest';
import { evaluateFilter, parseCodeFilter } from '../../src/codes/code-filter.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';

describe('filters of codes', () => {
  it.each<[string, Record<string, Scalar>, boolean]>([
    ["Type = 'Customer'", { Type: 'Customer' }, true],
    ["Type = 'Customer'", { Type: 'customer' }, false],
    ["Type = 'Customer'", {}, false],
    ["Type != 'Customer'", { Type: 'Partner' }, true],
    ["Type != 'Customer'", {}, true],
    ['Type = null', {}, true],
    ['Type != null', { Type: '' }, true],
    ["Rating IN ('Hot', 'Warm')", { Rating: 'Warm' }, true],
    ["Rating in('Hot','Warm')", { Rating: 'Cold' }, false],
    ['Rating IN (null)', {}, true],
    ["BillingAddress.City = 'Hull'", { 'BillingAddress.City': 'Hull' }, true],
    ['NumberOfEmployees = 12', { NumberOfEmployees: 12 }, true],
    ['NumberOfEmployees = -1.5', { NumberOfEmployees: -1.5 }, true],
    ['Big__c = TRUE', { Big__c: true }, true],
    ["Type = 'A' AND Site = 'B' and Fax = null", { Type: 'A', Site: 'B' }, true],
    ["Type = 'A' AND Site = 'B'", { Type: 'A', Site: 'C' }, false],
    [String.raw`Name = 'It\'s a \\ AND b'`, { Name: String.raw`It's a \ AND b` }, true],
  ])('the filter %s is evaluated', (text, values, fits) => {
    expect(evaluateFilter(parseCodeFilter(text), new Map(Object.entries(values)))).toBe(fits);
  });

  it.each([
    ['', 'a field is expected at the end'],
    ['Type', '=, != or IN is expected at the end'],
    ['Type = Customer', `a value ('text', a number, true, false or null) is expected instead of "Customer"`],
    ["Type > 'A'", `"> 'A'" is not valid`],
    ["Type = 'A", `"'A" is not valid`],
    ["Type = 'A' OR Site = 'B'", 'AND is expected instead of "OR"'],
    ["Type = 'A' AND", 'a field is expected at the end'],
    ["'A' = Type", 'a field is expected instead of "A"'],
    ['Type IN ()', `a value ('text', a number, true, false or null) is expected instead of ")"`],
    ["Type IN ('A' 'B')", ') is expected instead of "B"'],
    ['Size = 12abc', `"12abc" is not valid`],
  ])('the filter "%s" is refused with what is expected', (text, message) => {
    expect(() => parseCodeFilter(text)).toThrow(message);
  });
});
