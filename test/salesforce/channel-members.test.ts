import { expect, it } from 'vitest';
import { selectedEvents } from '../../src/salesforce/channel-members.ts';

const member = (EventChannel: string, SelectedEntity: string) => ({ EventChannel, SelectedEntity });
const account = 'AccountChangeEvent';
const contact = 'ContactChangeEvent';

it.each([
  ['is selected for the channel', [member('ChangeEvents', account)], true],
  ['is selected among others', [member('ChangeEvents', contact), member('ChangeEvents', account)], true],
  ['is not selected, but another object is', [member('ChangeEvents', contact)], false],
  [
    'is selected for another channel only',
    [member('ChangeEvents', contact), member('Other__chn', account)],
    false,
  ],
  ['may be selected, since no member of the channel is visible', [member('Other__chn', account)], null],
  ['may be selected, since no member is visible at all', [], null],
])('it is known whether Account %s', (_name, members, expected) => {
  expect(selectedEvents(members, ['ChangeEvents'])?.has(account) ?? null).toBe(expected);
});

it('a custom channel is found by its name, or by its id in 15 or 18 characters', () => {
  const channels = ['Sales__chn', '0YLxx0000000001AAA'];
  expect(selectedEvents([member('Sales__chn', account)], channels)?.has(account)).toBe(true);
  expect(selectedEvents([member('0YLxx0000000001AAA', contact)], channels)?.has(account)).toBe(false);
  expect(selectedEvents([member('0YLxx0000000001', contact)], channels)?.has(account)).toBe(false);
});
