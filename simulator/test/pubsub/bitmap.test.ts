import { describe, expect, it } from 'vitest';
import { bitmapElements, bitmapOf } from '../../src/pubsub/bitmap.ts';

describe('bitmaps of field positions', () => {
  it.each([
    [[43, 22], '0x080000400000'],
    [[22, 11], '0x400800'],
    [[22, 16], '0x410000'],
    [[16], '0x010000'],
    [[22], '0x400000'],
    [[23], '0x800000'],
    [[68, 23], '0x100000000000800000'],
    [[0], '0x01'],
    [[0, 1, 2, 3, 4, 5], '0x3F'],
    [[7, 8], '0x0180'],
  ])('a bitmap writes %j as %s', (positions, text) => {
    expect(bitmapOf(positions)).toBe(text);
  });

  it('a bitmap lists the top level first and the parts of each compound field after it', () => {
    expect(bitmapElements({ fields: [22], parts: new Map([[4, [0]]]) })).toEqual(['0x400000', '4-0x01']);
    expect(bitmapElements({ fields: [23], parts: new Map([[6, [0]]]) })).toEqual(['0x800000', '6-0x01']);
  });

  it('a bitmap has no top level if only parts are meant', () => {
    expect(bitmapElements({ fields: [], parts: new Map([[6, [7, 8]]]) })).toEqual(['6-0x0180']);
  });

  it('a bitmap leaves out compound fields without a part', () => {
    expect(bitmapElements({ fields: [1], parts: new Map([[4, []]]) })).toEqual(['0x02']);
    expect(bitmapElements({ fields: [], parts: new Map() })).toEqual([]);
  });
});
