import { createLogger, type LogEntry, securityLogger } from '@comm/logging'
import { describe, expect, it } from '@jest/globals'

function keptSecurity() {
  const lines: string[] = []
  const logger = createLogger({ env: {}, destination: (line) => void lines.push(line) })
  return { security: securityLogger(logger), logger, entries: () => lines.map((line) => JSON.parse(line) as LogEntry) }
}

describe('securityLogger', () => {
  it('writes events of a stable shape, important ones louder', () => {
    const { security, entries } = keptSecurity()
    security.authentication({ outcome: 'success', method: 'jwt', subject: 'alice', address: '::1' })
    security.authentication({ outcome: 'failure', method: 'api-key', reason: 'unknown key' })
    security.authorization({ outcome: 'allowed', action: 'GET', resource: '/orders/7', subject: 'alice' })
    security.authorization({ outcome: 'denied', action: 'publish', resource: 'order.created', reason: 'no scope orders:write' })
    security.suspicious({ kind: 'token-replayed', severity: 'low', reason: 'used twice', details: { token: 't', count: 2 } })
    security.suspicious({ kind: 'forged', severity: 'high', reason: 'bad signature' })
    const at = { timestamp: expect.any(String), logger: 'security' }
    expect(entries()).toEqual([
      {
        ...at,
        level: 'info',
        message: 'authentication success',
        event: 'authentication',
        security: { outcome: 'success', method: 'jwt', subject: 'alice', address: '::1' },
      },
      {
        ...at,
        level: 'warn',
        message: 'authentication failure',
        event: 'authentication',
        security: { outcome: 'failure', method: 'api-key', reason: 'unknown key' },
      },
      {
        ...at,
        level: 'info',
        message: 'authorization allowed',
        event: 'authorization',
        security: { outcome: 'allowed', action: 'GET', resource: '/orders/7', subject: 'alice' },
      },
      {
        ...at,
        level: 'warn',
        message: 'authorization denied',
        event: 'authorization',
        security: { outcome: 'denied', action: 'publish', resource: 'order.created', reason: 'no scope orders:write' },
      },
      {
        ...at,
        level: 'warn',
        message: 'suspicious activity: token-replayed',
        event: 'suspicious',
        security: { kind: 'token-replayed', severity: 'low', reason: 'used twice', details: { token: '[redacted]', count: 2 } },
      },
      {
        ...at,
        level: 'error',
        message: 'suspicious activity: forged',
        event: 'suspicious',
        security: { kind: 'forged', severity: 'high', reason: 'bad signature' },
      },
    ])
  })

  it('is turned off by the level of the logger named security', () => {
    const { security, logger, entries } = keptSecurity()
    logger.setLevel('silent', 'security')
    security.suspicious({ kind: 'forged', severity: 'high', reason: 'bad signature' })
    expect(entries()).toEqual([])
  })
})
