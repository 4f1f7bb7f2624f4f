import { type Static, Type } from 'typebox';

/** How often a fault strikes: parameters that most of them take beside their own. */
export const often = {
  times: Type.Optional(
    Type.Integer({ minimum: 1, description: 'so many times, then never again; always unless told' }),
  ),
  probability: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, description: 'the share of occasions on which it strikes' }),
  ),
  seed: Type.Optional(
    Type.Integer({ description: 'of the chance; the same seed strikes on the same occasions' }),
  ),
};

/** The frequency among the parameters of a fault. */
export const frequency = Type.Object(often);

export type Frequency = Static<typeof frequency>;
