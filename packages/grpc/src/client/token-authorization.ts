import {
  type AccessToken,
  AuthenticationError,
  type Call,
  checkAccessToken,
  type Rerun,
  type Stage,
  type TokenSource,
} from '@comm/core'
import type { Outgoing } from './outgoing.ts'

export interface TokenAuthorization {
  readonly authorize: NonNullable<Outgoing['authorize']>
  /** Stands close to the attempt: a token that was refused is told to its source, and the call is made once more with another. */
  readonly stage: Stage
}

/** Puts the token of a source on each attempt, as `authorization` (RFC 6750). */
export function tokenAuthorization(source: TokenSource): TokenAuthorization {
  /** Which token the attempt that runs goes with. */
  const used = new WeakMap<Call, AccessToken>()
  let checked: AccessToken | undefined
  return {
    async authorize(metadata, call) {
      const token = await source.token(call.signal)
      if (token !== checked) checkAccessToken(token)
      checked = token
      metadata.set('authorization', `${token.type} ${token.value}`)
      used.set(call, token)
    },
    stage: {
      name: 'refused tokens',
      description: 'refused tokens (told to their source; once more with another)',
      leave(call: Call, at: number): Rerun | undefined {
        const token = used.get(call)
        used.delete(call)
        if (!call.failed || token === undefined || source.refused === undefined) return undefined
        if (!(call.error instanceof AuthenticationError) || call.error.details['grpcStatus'] !== 'UNAUTHENTICATED')
          return undefined
        source.refused(token)
        const { requests } = call.argument as Outgoing
        if (call.state(at) !== undefined || requests?.isReplayable === false) return undefined
        call.setState(at, true)
        return { afterMs: 0 }
      },
    },
  }
}
