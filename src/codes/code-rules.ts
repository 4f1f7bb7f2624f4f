import { isComplete, type Merged } from '../apply/merge.ts';
import { type CodeFilter, evaluateFilter } from './code-filter.ts';
import { type CodeFormat, codeGenerator, defaultFormat } from './code-format.ts';

/** Who gets a code, and what it looks like. */
export type CodeRules = {
  /** The Account field that holds the code. */
  readonly field: string;
  readonly format: CodeFormat;
  readonly generate: () => string;
  /** Accounts created from this moment on get a code; null: none by their age. */
  readonly newSince: Date | null;
  /** Whether older accounts get one too. */
  readonly backfill: boolean;
  /** Only accounts that fit it; null: all. */
  readonly filter: CodeFilter | null;
  /** Whether a code that was cleared in Salesforce is written again. */
  readonly restore: boolean;
};

/** What is chosen by settings, beside the field and the backfill. */
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
    newSince: null,
    backfill: false,
    filter: null,
    restore: false,
    ...settings,
    format,
    generate: codeGenerator(format),
  };
}

/** Whether the age of an account entitles it to a code; of one that nobody has seen whole that is not known. */
export function isEligible(codes: CodeRules, account: Merged): boolean {
  return isComplete(account) && (codes.backfill || isNew(codes, account));
}

export function isNew({ newSince }: CodeRules, account: Merged): boolean {
  const createdAt = account.values.get('CreatedDate');
  return newSince !== null && typeof createdAt === 'string' && new Date(createdAt) >= newSince;
}

/** Whether an account is one of those that get codes. What has not been seen whole fits no condition yet. */
export function matchesFilter({ filter }: CodeRules, account: Merged): boolean {
  return filter === null || (isComplete(account) && evaluateFilter(filter, account.values));
}
