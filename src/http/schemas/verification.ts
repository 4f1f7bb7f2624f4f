import { Type } from 'typebox';
import { NullableTime, OneOf } from './values.ts';

export const differenceKinds = ['missing', 'extra', 'not visible', 'fields'] as const;

const Count = () => Type.Integer({ minimum: 0 });

const difference = {
  accountId: Type.String({ examples: ['001al00000K3N1wAAF'] }),
  kind: OneOf(differenceKinds, {
    description:
      '`missing`: Salesforce has it and the mirror has not; `extra`: the mirror holds it and Salesforce has deleted it; `not visible`: the mirror holds it and Salesforce does not return it, without proof that it is deleted; `fields`: both have it, with other values.',
  }),
  fields: Type.Record(
    Type.String(),
    Type.Object({ mirror: Type.Unsafe<unknown>({}), salesforce: Type.Unsafe<unknown>({}) }),
    { description: 'What differs: by field, the value here and the value there.' },
  ),
};

export const DifferenceSchema = Type.Object(
  {
    ...difference,
    modifiedAt: NullableTime({ description: 'When Salesforce last changed it, as far as that is known.' }),
  },
  { $id: 'Difference', description: 'An account that differs from Salesforce.' },
);

export const VerificationSchema = Type.Object({
  compared: Count(),
  different: Count(),
  byField: Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
    description: 'Of the accounts that both have: how many differ in which field.',
  }),
  byKind: Type.Object({ missing: Count(), extra: Count(), notVisible: Count(), fields: Count() }),
  oldest: NullableTime({ description: 'The earliest change in Salesforce that the mirror lacks.' }),
  verifiedThrough: NullableTime({
    description: 'The mirror equals Salesforce up to this moment, apart from the differences.',
  }),
  examples: Type.Optional(
    Type.Array(Type.Object(difference), {
      maxItems: 20,
      description: 'The first of them; `GET /v1/resyncs/{id}/differences` lists all. Left out of lists.',
    }),
  ),
});
