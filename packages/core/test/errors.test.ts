import { CommunicationError, ConnectionError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'

describe('CommunicationError.from', () => {
  it('turns a refused connection into a ConnectionError', () => {
    const thrown = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(CommunicationError.from(thrown)).toBeInstanceOf(ConnectionError)
  })
})
