/** A refusal of the token endpoint: HTTP 400 `{"error","error_description"}`. */
export class OAuthError extends Error {
  readonly error: string;

  constructor(error: string, description: string) {
    super(description);
    this.name = 'OAuthError';
    this.error = error;
  }
}
