/** A parsed query. Positions are offsets in its text, for error messages. */
export type Query = {
  readonly select: readonly SelectItem[];
  readonly from: Name;
  readonly where: Condition | null;
  readonly groupBy: readonly Expression[];
  readonly orderBy: readonly Ordering[];
  readonly limit: number | null;
  readonly offset: number;
};

export type Name = { readonly text: string; readonly position: number };

export type SelectItem =
  | (Expression & { readonly alias: string | null })
  | { readonly kind: 'fields'; readonly group: FieldGroup; readonly position: number }
  | { readonly kind: 'count'; readonly position: number };

export type Expression =
  | { readonly kind: 'field'; readonly field: Name }
  | { readonly kind: 'date'; readonly function: DateFunction; readonly field: Name }
  | { readonly kind: 'aggregate'; readonly function: AggregateFunction; readonly field: Name };

export type FieldGroup = 'ALL' | 'STANDARD' | 'CUSTOM';

export type AggregateFunction = 'COUNT' | 'COUNT_DISTINCT' | 'MAX' | 'MIN' | 'SUM' | 'AVG';

export type DateFunction = 'CALENDAR_YEAR' | 'CALENDAR_MONTH' | 'DAY_IN_MONTH' | 'HOUR_IN_DAY';

export type Condition =
  | { readonly kind: 'and'; readonly parts: readonly Condition[] }
  | { readonly kind: 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | {
      readonly kind: 'compare';
      readonly field: Name;
      readonly operator: Comparison;
      readonly value: Literal;
    }
  | {
      readonly kind: 'in';
      readonly field: Name;
      readonly negated: boolean;
      readonly values: readonly Literal[];
    };

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'LIKE';

export type Literal = { readonly position: number } & (
  | { readonly kind: 'string'; readonly value: string; readonly raw: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  /** Epoch milliseconds. */
  | { readonly kind: 'date'; readonly value: number }
  | { readonly kind: 'datetime'; readonly value: number }
  /** Milliseconds since midnight. */
  | { readonly kind: 'time'; readonly value: number }
  /** `TODAY`, `LAST_N_DAYS:5`: depends on the time of the query. */
  | { readonly kind: 'range'; readonly name: string; readonly count: number }
);

export type Ordering = {
  readonly by: Expression;
  readonly descending: boolean;
  readonly nullsLast: boolean;
};
