import { computed, signal } from '@preact/signals';

export type Scope = 'read' | 'write' | 'admin';
export type Caller = {
  readonly name: string;
  readonly kind: 'key' | 'token';
  readonly scopes: readonly Scope[];
};

const storageName = 'tidemark-key';

/** The secret of the API key; empty if nobody is signed in. It is forgotten when the tab closes. */
export const apiKey = signal(sessionStorage.getItem(storageName) ?? '');

/** Who is signed in, once the server has accepted the key. */
export const caller = signal<Caller | undefined>(undefined);

/** Why the session ended, for the sign-in page. */
export const signOutReason = signal('');

export const canWrite = computed(() => hasScope('write'));
export const isAdmin = computed(() => hasScope('admin'));

export function hasScope(scope: Scope): boolean {
  return caller.value?.scopes.includes(scope) === true;
}

export function signIn(secret: string, who: Caller): void {
  sessionStorage.setItem(storageName, secret);
  signOutReason.value = '';
  caller.value = who;
  apiKey.value = secret;
}

export function signOut(reason = ''): void {
  sessionStorage.removeItem(storageName);
  signOutReason.value = reason;
  caller.value = undefined;
  apiKey.value = '';
}
