import type { Principal } from '@comm/core'
import type { Credentials } from './credentials.ts'

/** Finds out who a caller is, by one kind of credential. */
export interface Authenticator {
  /** For audit lines: `jwt`, `api-key`, `mtls` … */
  readonly method: string
  /**
   * @returns undefined when the caller presents nothing of this kind: the next authenticator is asked
   * @throws AuthenticationError what it presents does not hold: no other is asked
   * @throws ServiceUnavailableError nobody can tell now
   */
  authenticate(credentials: Credentials, signal?: AbortSignal): Principal | undefined | Promise<Principal | undefined>
}
