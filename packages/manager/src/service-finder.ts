import type { GrpcClientConfig, HttpClientConfig } from '@comm/config'
import { ConfigurationError } from '@comm/core'

/** Gives the instances of a service: the component `discovery`. */
export interface ServiceFinder {
  resolver(service: string): object
}

/** @throws ConfigurationError always */
export function refuseSetting(key: string, received: string, expected: string): never {
  throw new ConfigurationError(`${key} must be ${expected}, got ${received}`, { problems: [{ key, received, expected }] })
}

export function callsAnyService({ baseUrl }: HttpClientConfig): boolean {
  return baseUrl === undefined || isServiceUrl(baseUrl)
}

export function callsItsService({ address, addresses, service }: GrpcClientConfig): boolean {
  return address === undefined && addresses.length === 0 && service !== undefined
}

/** `service://orders/path` */
export function isServiceUrl(url: string): boolean {
  return /^service:/i.test(url)
}
