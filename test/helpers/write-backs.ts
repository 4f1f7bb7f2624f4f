import type { ApiStatus, LiveMirror } from './live-mirror.ts';
import type { ApiAccount } from './tidemark.ts';

type ApiAnswer = {
  readonly code: string;
  readonly message: string;
  readonly fields: readonly string[];
} | null;

export type ApiWriteBack = {
  readonly accountId: string;
  readonly signupCode: string | null;
  readonly pendingSignupCode: string | null;
  readonly state: string;
  readonly error: ApiAnswer;
  readonly attempts: number;
};

export type ApiWriteBackHistory = ApiWriteBack & {
  readonly reason: {
    readonly code: string;
    readonly message: string;
    readonly until: string | null;
    readonly refusalClass: string | null;
  } | null;
  readonly history: readonly { readonly code: string; readonly outcome: string; readonly error: ApiAnswer }[];
};

export type ApiWriteBackStatus = {
  readonly state: string;
  readonly since: string | null;
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly code: string; readonly count: number; readonly message: string }[];
  readonly lastErrors: readonly ApiWriteBack[];
  readonly api: { readonly used: number; readonly max: number; readonly reservePercent: number };
  readonly backfill: {
    readonly seen: number;
    readonly given: number;
    readonly finishedAt: string | null;
  } | null;
};

/** What a story asks about signup codes. */
export function writeBacksOf(mirror: LiveMirror) {
  const status = (): Promise<ApiStatus & { writeBack: ApiWriteBackStatus }> => mirror.get('/v1/status');
  return {
    of: (id: string): Promise<ApiWriteBackHistory> => mirror.get(`/v1/write-backs/${id}`),
    status,
    statusWhen: (what: string, holds: (now: ApiWriteBackStatus) => boolean): Promise<ApiWriteBackStatus> =>
      mirror.until(what, async () => {
        const { writeBack } = await status();
        return holds(writeBack) && writeBack;
      }),
    /** Until both sides hold the same code, and a change event has said so. */
    async confirmed(id: string): Promise<ApiAccount> {
      const account = await mirror.accountWhen(
        id,
        'the code is confirmed',
        ({ codeState }) => codeState === 'confirmed',
      );
      const held = mirror.simulator.org.record(id)?.values['SignUpCode__c'];
      if (held !== account.signupCode) throw new Error(`Salesforce holds ${held}, not ${account.signupCode}`);
      return account;
    },
    async failed(id: string): Promise<ApiWriteBackHistory> {
      await mirror.accountWhen(id, 'the code has failed', ({ codeState }) => codeState === 'failed');
      return mirror.get(`/v1/write-backs/${id}`);
    },
  };
}
