import { Type } from 'typebox';
import type { RefusalClass } from '../../salesforce/failures/rule.ts';
import { type CodeReasonCode, codeReasons } from '../../write-back/code-reason.ts';
import { Count, NullableObject, NullableText, NullableTime, OneOf, Time } from './values.ts';

export const writeBackStates = ['pending', 'written', 'failed'] as const;
export const attemptOutcomes = [
  'sent',
  'written',
  'held',
  'again',
  'taken',
  'gone',
  'failed',
  'unanswered',
  'replaced',
] as const;

const reasonCodes = Object.keys(codeReasons) as CodeReasonCode[];

const WriteError = NullableObject(
  {
    code: NullableText({ description: 'A status code of Salesforce, or a lower-case code of Tidemark.' }),
    message: NullableText(),
    fields: Type.Array(Type.String(), { description: 'The fields named by Salesforce.' }),
    at: NullableTime(),
  },
  'The last error.',
);

const writeBack = {
  accountId: Type.String({ description: '18-character record id.', examples: ['001al00000K3N1wAAF'] }),
  name: NullableText({ description: 'The name of the account.' }),
  signupCode: NullableText({
    description:
      'The code that Salesforce is known to hold: only in the states `written` and `confirmed`. Null also if another account in Salesforce has the same code.',
  }),
  pendingSignupCode: NullableText({ description: 'The code to be written: Salesforce has not accepted it.' }),
  state: OneOf(['none', 'pending', 'written', 'confirmed', 'failed'], {
    description:
      '`pending`: not written yet. `written`: accepted by Salesforce. `confirmed`: seen in a change event. `failed`: retry it after the cause is corrected. `none`: no code.',
  }),
  error: WriteError,
  attempts: Count('Number of attempts that got a response.'),
  lastAttemptAt: NullableTime(),
  nextAttemptAt: NullableTime({
    description: 'The earliest time of the next attempt; only in the state `pending`.',
  }),
};

export const WriteBackSchema = Type.Object(writeBack, {
  $id: 'WriteBack',
  description: 'The write of a signup code to Salesforce.',
});

export const WriteBackHistorySchema = Type.Object(
  {
    ...writeBack,
    reason: NullableObject(
      {
        code: OneOf(reasonCodes, {
          description: reasonCodes.map((code) => `\`${code}\`: ${codeReasons[code]}`).join(' '),
        }),
        message: Type.String({
          description: 'The reason in words, with the message of Salesforce if there is one.',
        }),
        until: NullableTime({ description: 'The earliest time of the next attempt, if it is known.' }),
        refusalClass: Type.Unsafe<RefusalClass | null>({
          type: ['string', 'null'],
          description: 'The class of the refusal of Salesforce, which determines what happens next.',
        }),
      },
      'Why the account has no confirmed code; null if it has one.',
    ),
    history: Type.Array(
      Type.Object({
        code: Type.String(),
        sentAt: Time(),
        answeredAt: NullableTime(),
        outcome: OneOf(attemptOutcomes, {
          description:
            '`sent`: no response yet. `written`: accepted. `held`: the account already had a code in Salesforce, which was adopted. `again`: temporary error, will be retried. `taken`: another record has the same code. `gone`: the account does not exist. `failed`: rejected. `unanswered`: no response, the same code is sent again. `replaced`: replaced on request.',
        }),
        error: WriteError,
      }),
      { description: 'All attempts, newest first, at most 200.' },
    ),
  },
  { $id: 'WriteBackHistory', description: 'The write of a signup code with all attempts.' },
);
