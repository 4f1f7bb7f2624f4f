import { type ProblemKind, problemKinds } from './problem-kinds.ts';

/** An error response as RFC 9457 defines it. Handlers and hooks throw it. Clients may branch on its `type`. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly status: number;
  /** The invalid parameters or fields. */
  readonly errors: readonly FieldError[];
  /** Additional members of the body. */
  readonly members: { readonly [name: string]: readonly string[] };
  readonly headers: { readonly [name: string]: string };

  constructor(kind: ProblemKind, detail: string, more: ProblemDetails = {}) {
    super(detail);
    this.kind = kind;
    this.status = problemKinds[kind].status;
    this.errors = more.errors ?? [];
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
  }

  /** The `application/problem+json` body. */
  toBody(requestId: string): ProblemBody {
    return {
      type: problemType(this.kind),
      title: problemKinds[this.kind].title,
      status: this.status,
      detail: this.message,
      requestId,
      ...this.members,
      ...(this.errors.length > 0 ? { errors: this.errors } : {}),
    };
  }
}

/** 400 for one parameter or field. */
export function invalid(field: string, message: string): Problem {
  return invalidFields([{ field, message }]);
}

/** 400 for several parameters or fields. */
export function invalidFields(errors: readonly FieldError[]): Problem {
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  return new Problem('invalid-request', `${detail}.`, { errors });
}

/** The URL of the documentation; relative, so that it does not depend on the address of the service. */
export function problemType(kind: string): string {
  return `/docs/problems#${kind}`;
}

export type FieldError = { readonly field: string; readonly message: string };

export type ProblemBody = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
};

type ProblemDetails = {
  readonly errors?: readonly FieldError[];
  readonly members?: { readonly [name: string]: readonly string[] };
  readonly headers?: { readonly [name: string]: string };
};

/** Escapes text for HTML and XML, including attributes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
