import { CommunicationError } from '@comm/core'
import type { Registration } from '../registry.ts'
import type { Lifetime } from './lifetime.ts'

/**
 * What a registry that is only read has for `register`, `renew` and `deregister`.
 * @param why ends the sentence `orders cannot be registered …`
 */
export function refusal(life: Lifetime, why: string): (registration: Registration, signal: AbortSignal) => Promise<never> {
  return async ({ instance }, signal) => {
    life.check(signal)
    throw new CommunicationError(`${instance.service} cannot be registered ${why}`, { code: 'COMM_UNSUPPORTED' })
  }
}
