import assert from 'node:assert/strict'
import { CommunicationError, type ErrorCode } from '@comm/core'
import type { ServiceInstance } from '@comm/discovery'

/** `host:port` of each, in order. */
export function addresses(instances: readonly ServiceInstance[]): readonly string[] {
  return instances.map(({ host, port }) => `${host}:${port}`).sort()
}

export function isError(...codes: readonly ErrorCode[]): (thrown: unknown) => true {
  return (thrown) => {
    assert(thrown instanceof CommunicationError, `a CommunicationError, got ${String(thrown)}`)
    assert(codes.includes(thrown.code), `${codes.join(' or ')}, got ${thrown.code}: ${thrown.message}`)
    return true
  }
}
