import { breaker, constantBackoff, fallback, pipeline, retry } from '@comm/core'
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'

const angry = (): never => {
  throw new Error('the listener is broken')
}
let warnings: jest.SpiedFunction<typeof process.emitWarning>

beforeEach(() => {
  warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
})
afterEach(() => warnings.mockRestore())

it('a listener that throws changes nothing, and becomes a warning', async () => {
  const guard = breaker({ consecutiveFailures: 2, onStateChange: angry })
  const protectedCall = pipeline([
    fallback(() => 'fallback', { onFallback: angry }),
    retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 0 }), onRetry: angry }),
    guard,
  ])
  const answer = await protectedCall.run(async () => {
    throw new Error('the callee is down')
  }, undefined)
  expect([answer, guard.state]).toEqual(['fallback', 'open'])
  expect(warnings.mock.calls.map(([warning]) => String(warning).split(' threw')[0])).toEqual([
    'onRetry',
    'onStateChange',
    'onFallback',
  ])
})
