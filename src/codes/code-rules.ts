import { isComplete, type Merged } from '../apply/merge.ts';
import { type CodeFilter, evaluateFilter, type ValueLookup } from './code-filter.ts';
import { type CodeFormat, codeGenerator, defaultFormat } from './code-format.ts';

/** Which accounts get a code, and its format. */
export type CodeRules = {
  /** The Account field that holds the code. */
  readonly field: string;
  readonly format: CodeFormat;
  readonly generate: () => string;
  /** Accounts created from this moment on get a code; null for none. */
  readonly newSince: Date | null;
  /** Whether older accounts get a code too. */
  readonly backfill: boolean;
  /** Limits codes to matching accounts; null for all. */
  readonly filter: CodeFilter | null;
  /** Whether a code that was cleared in Salesforce is written again. */
  readonly restore: boolean;
};

/** The optional settings of codes. */
export type CodeOptions = Pick<CodeSettings, 'format' | 'filter' | 'restore'>;

export type CodeSettings = {
  readonly field: string;
  readonly format?: CodeFormat;
  readonly newSince?: Date | null;
  readonly backfill?: boolean;
  readonly filter?: CodeFilter | null;
  readonly restore?: boolean;
};

export function codeRules(settings: CodeSettings): CodeRules {
  const { format = defaultFormat } = settings;
  return {
    backfill: false,
    filter: null,
    restore: false,
    ...settings,
    newSince: wholeSecond(settings.newSince ?? null),
    format,
    generate: codeGenerator(format),
  };
}

/** Rounds down to whole seconds, like creation dates in Salesforce. */
function wholeSecond(time: Date | null): Date | null {
  return time === null ? null : new Date(Math.floor(time.getTime() / 1_000) * 1_000);
}

/** What the rules need to know of an account. */
type Known = Pick<Merged, 'baseVersion'> & { readonly values: ValueLookup };

/** Whether the creation date of an account entitles it to a code; false until the account is complete. */
export function isEligible(codes: CodeRules, account: Known): boolean {
  return isComplete(account) && (codes.backfill || isNew(codes, account));
}

export function isNew({ newSince }: Pick<CodeRules, 'newSince'>, account: Pick<Known, 'values'>): boolean {
  const createdAt = account.values.get('CreatedDate');
  return newSince !== null && typeof createdAt === 'string' && new Date(createdAt) >= newSince;
}

/** Whether an account matches the filter; an incomplete account matches no filter. */
export function matchesFilter({ filter }: CodeRules, account: Known): boolean {
  return filter === null || (isComplete(account) && evaluateFilter(filter, account.values));
}
