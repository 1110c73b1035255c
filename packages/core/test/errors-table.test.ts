import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as core from '@comm/core'
import { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from '@comm/core'
import { describe, expect, it } from '@jest/globals'

const documentation = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8')
const EXPORTS = new Map<string, unknown>(Object.entries(core))
const CODES = Object.entries(ERROR_CODES) as [ErrorCode, ErrorCodeInfo][]

/** The rows of the table of codes, cell by cell. */
function documentedRows(): string[][] {
  return documentation
    .split('\n')
    .filter((line) => line.startsWith('| `COMM_'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

describe('docs/errors.md', () => {
  it('has one row for every code, in the order of the code, and no other', () => {
    const expected = CODES.map(([code, { error, retryable, meaning, remedy }]) => [
      `\`${code}\``,
      `\`${error}\``,
      retryable ? 'yes' : 'no',
      meaning,
      remedy,
    ])
    expect(documentedRows()).toEqual(expected)
  })
})

describe('ERROR_CODES', () => {
  it.each(CODES)('%s belongs to a class that this package exports', (code, { error }) => {
    const exported = EXPORTS.get(error)
    expect(exported).toBeInstanceOf(Function)
    const made = new (exported as new (message: string, options: object) => core.CommunicationError)('m', { code, status: 500 })
    expect(made).toMatchObject({ name: error, code, retryable: ERROR_CODES[code].retryable })
  })
})
