/** What a caller shows to be let in (RFC 6749, 1.4). Never put one in a message or a log line. */
export interface AccessToken {
  readonly value: string
  /** How it is sent, as a rule `Bearer` (RFC 6749, 7.1). */
  readonly type: string
  /** Epoch milliseconds; absent: nobody knows, it serves until it is refused. */
  readonly expiresAt?: number
}

/** Where access tokens come from: HTTP and gRPC clients ask it before every call. */
export interface TokenSource {
  /**
   * A token that still holds; without a promise where one is at hand.
   * @param signal ends this caller's waiting, not that of others for the same token
   * @throws AuthenticationError when there is none to be had, and the signal's reason, as it is, after an abort
   */
  token(signal?: AbortSignal): AccessToken | Promise<AccessToken>
  /** A server answered 401 to it, so it is not to be handed out again. */
  refused?(token: AccessToken): void
}
