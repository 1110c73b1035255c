import { ValidationError } from '@comm/core'
import { matching } from '@comm/core/schema'
import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A schema whose library answers so. */
function answering(issues: readonly StandardSchemaV1.Issue[]): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } }
}

function failure(issues: readonly StandardSchemaV1.Issue[]): ValidationError {
  try {
    void matching('an order', answering(issues), {})
  } catch (thrown) {
    return thrown as ValidationError
  }
  throw new Error('it was expected to throw')
}

describe('matching a schema', () => {
  it('names every path, up to a limit', () => {
    const issues = Array.from({ length: 25 }, (_, at) => ({ path: ['items', { key: at }], message: 'Required' }))
    const error = failure(issues)
    expect(error).toBeInstanceOf(ValidationError)
    expect(error.message).toMatch(/^an order does not match its schema: items\.0: Required; items\.1: Required; .* and 5 more$/)
    expect(error.details['issues']).toHaveLength(20)
  })

  it.each([
    ['valibot', { path: ['name'], message: 'Invalid type: Expected number but received "S3CRET"' }],
    ['arktype', { path: ['name'], message: 'name must be a number (was "S3CRET \n and "more")' }],
    ['valibot, at length', { message: `Invalid type: Expected number but received "S3CRET${'x'.repeat(5000)}"` }],
    ['a secret key', { path: ['user', 'password'], message: 'S3CRET is too short' }],
    ['a secret key above', { path: ['credentials', 0], message: 'S3CRET' }],
    ['a URL', { message: 'cannot reach https://user:S3CRET@host' }],
    ['a long text', { message: `${'x'.repeat(300)}S3CRET` }],
  ])('shows no value that a library quotes: %s', (_what, issue) => {
    const error = failure([issue])
    expect(error.message + JSON.stringify(error)).not.toContain('S3CRET')
  })

  it('is synchronous where the schema is', async () => {
    const sync: StandardSchemaV1<unknown, number> = { '~standard': { version: 1, vendor: 'x', validate: () => ({ value: 7 }) } }
    const late: StandardSchemaV1<unknown, number> = {
      '~standard': { version: 1, vendor: 'x', validate: async () => ({ value: 8 }) },
    }
    expect(matching('x', sync, 0)).toBe(7)
    expect(await matching('x', late, 0)).toBe(8)
  })
})
