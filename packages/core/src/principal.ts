/** Who calls, as an authentication has established it. Plain data that may be logged: never a token or a key. */
export interface Principal {
  /** The user, service or client: `sub` of a token, owner of an API key, SPIFFE id of a certificate. */
  readonly subject: string
  /** How it was established: `jwt`, `introspection`, `api-key`, `mtls`, `message-signature`. */
  readonly method: string
  /** Who vouches for it: `iss` of a token, the trust domain of a SPIFFE id. */
  readonly issuer?: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** What else is known: claims of a token, metadata of an API key, names in a certificate. */
  readonly attributes: Readonly<Record<string, unknown>>
  /** Epoch milliseconds after which it must be established anew. */
  readonly expiresAt?: number
}
