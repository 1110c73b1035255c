import { describeEndpoint } from '@comm/core'
import type { Instance } from '@comm/core/balancing'
import type { HttpRequest } from '../request.ts'

const origins = new WeakMap<Instance, string>()

/** The URL of a request at the instance that was picked for an attempt, or its own where none is. */
export function urlAt({ service, url }: HttpRequest, target: unknown): URL {
  if (service === undefined || target === undefined) return url
  return new URL(`${url.protocol}//${addressOf(target as Instance)}${url.pathname}${url.search}`)
}

function addressOf(instance: Instance): string {
  let address = origins.get(instance)
  if (address === undefined) {
    address = describeEndpoint(instance)
    origins.set(instance, address)
  }
  return address
}

/** The id of the instance that an attempt went to. */
export function instanceOf({ service }: HttpRequest, target: unknown): string | undefined {
  return service === undefined ? undefined : (target as Instance | undefined)?.id
}
