/** `write` includes `read`, `admin` includes both. */
export type Scope = 'read' | 'write' | 'admin';

export type ApiKey = {
  /** Who it was given to; shown in logs and as `requestedBy`. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly secret: string;
};
