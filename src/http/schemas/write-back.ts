import { Type } from 'typebox';
import { NullableText, NullableTime, OneOf, Time } from './values.ts';

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

const SalesforceAnswer = Type.Unsafe<{
  code: string | null;
  message: string | null;
  fields: string[];
  at: string | null;
} | null>({
  type: ['object', 'null'],
  required: ['code', 'message', 'fields', 'at'],
  properties: {
    code: NullableText({ description: 'Salesforce’s status code, or one of Tidemark’s own in lower case.' }),
    message: NullableText(),
    fields: { type: 'array', items: { type: 'string' }, description: 'The fields that Salesforce named.' },
    at: NullableTime(),
  },
  description: 'What was last answered other than success.',
});

const writeBack = {
  accountId: Type.String({ description: '18-character record id.', examples: ['001al00000K3N1wAAF'] }),
  name: NullableText({ description: 'Name of the account.' }),
  signupCode: NullableText({ description: 'Null where Salesforce holds it on another account too.' }),
  state: OneOf(['none', 'pending', 'written', 'confirmed', 'failed'], {
    description:
      '`pending`: it is on its way. `written`: Salesforce took it. `confirmed`: a change event showed it. `failed`: a person has to change something; then retry it. `none`: there is no code.',
  }),
  error: SalesforceAnswer,
  attempts: Type.Integer({ minimum: 0, description: 'How often an answer came.' }),
  lastAttemptAt: NullableTime(),
  nextAttemptAt: NullableTime({ description: 'When it is sent again at the earliest; only while it waits.' }),
};

export const WriteBackSchema = Type.Object(writeBack, {
  $id: 'WriteBack',
  description: 'A signup code on its way to Salesforce.',
});

export const WriteBackHistorySchema = Type.Object(
  {
    ...writeBack,
    history: Type.Array(
      Type.Object({
        code: Type.String(),
        sentAt: Time(),
        answeredAt: NullableTime(),
        outcome: OneOf(attemptOutcomes, {
          description:
            '`sent`: no answer is known. `written`: accepted. `held`: Salesforce held this code already, and it was adopted. `again`: refused for now. `taken`: another record has it. `gone`: no such account. `failed`: refused. `unanswered`: the call failed, and the same code is sent again. `replaced`: it was replaced on request.',
        }),
        error: SalesforceAnswer,
      }),
      { description: 'Every attempt, newest first, 200 at most.' },
    ),
  },
  { $id: 'WriteBackHistory', description: 'The signup code of one account with everything that was tried.' },
);
