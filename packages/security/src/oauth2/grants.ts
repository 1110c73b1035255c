import type { AccessToken, Clock } from '@comm/core'
import { AuthenticationError } from '@comm/core'
import type { TokenEndpointResponse } from 'openid-client'

/** The answer of a token endpoint (RFC 6749, 5.1) as core's clients take it. */
export function accessTokenOf(answer: TokenEndpointResponse, clock: Clock): AccessToken {
  const { access_token: value, expires_in: seconds, token_type: type } = answer
  if (type.toLowerCase() !== 'bearer') {
    throw new AuthenticationError(`a token of the type Bearer was asked for, got another one`, { details: { type } })
  }
  return { value, type: 'Bearer', ...(typeof seconds === 'number' ? { expiresAt: clock.wall() + seconds * 1000 } : {}) }
}

/** Parameters that are there. `resource` may be there several times (RFC 8707). */
export function parametersOf(given: Readonly<Record<string, string | readonly string[] | undefined>>): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) {
    for (const each of value === undefined ? [] : [value].flat()) parameters.append(name, each as string)
  }
  return parameters
}
