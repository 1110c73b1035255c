import { globSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { optionsPages } from '../options/pages.ts'
import { readOptions } from '../options/read.ts'

const root = join(import.meta.dirname, '../..')
const packages = globSync('packages/*/src/index.ts', { cwd: root }).sort()

/** `ServiceDiscoveryOptions` has its defaults in `SERVICE_DISCOVERY_DEFAULTS`. */
function constantOf(type: string): string {
  return `${type
    .replace(/(?:Options|Settings)$/, '')
    .replace(/(?<=[a-z\d])(?=[A-Z])/g, '_')
    .toUpperCase()}_DEFAULTS`
}

const LITERAL = /^(?:-?[\d_.]+|'[^']*'|true|false)(?=$|[:,;])/
let compared = 0

describe('options', () => {
  it.each(packages)('%s: the defaults that comments tell are those of the constants', async (file) => {
    const exports = (await import(join(root, file))) as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
    for (const { name, options } of readOptions(join(root, file))) {
      const defaults = exports[constantOf(name)]
      for (const { key, default: told } of options) {
        const value = defaults?.[key]
        // What is more than a number, a text or a choice is told in words.
        const literal = LITERAL.exec(told ?? '')?.[0].replace(/(?<=\d)_(?=\d)/g, '')
        if (literal !== undefined && ['number', 'string', 'boolean'].includes(typeof value)) {
          compared++
          expect([name, key, literal]).toEqual([name, key, inspect(value)])
        }
      }
    }
  })

  it('are compared, most of them', () => expect(compared).toBeGreaterThan(100))

  it('have a page a package, with each key in one row', () => {
    const page = optionsPages(root).get('docs/options/discovery.md') ?? ''
    expect(page).toContain('| `ttlMs` | `number` | `15000` |')
    expect(page).toContain('| `registry` | `Registry` | required |')
    expect([...optionsPages(root).keys()]).toContain('docs/options/core.md')
  })

  it('are found through modules that hand them on, with what is written about them', () => {
    const types = readOptions(join(root, 'packages/http/src/server/index.ts'))
    const server = types.find(({ name }) => name === 'ServerOptions')
    expect(server?.options.find(({ key }) => key === 'livePath')).toEqual({
      key: 'livePath',
      type: 'string',
      names: [],
      isRequired: false,
      default: "'/live'",
      meaning: 'Answers 200 while the process answers at all, whatever its health: for a liveness probe.',
    })
  })

  it('are complete where types are made of others', () => {
    const pages = optionsPages(root)
    const gateway = pages.get('docs/options/gateway.md') ?? ''
    // A type that options name, what another type has, keys of an object within, values by name, a choice.
    expect(gateway).toContain("| `weight` | `number` | `1` | Its share beside the others'. |")
    expect(gateway).toContain(
      'With the options of [`HttpCacheOptions`](http.md#httpcacheoptions) except `mode`, `clock`, `logger`.',
    )
    expect(gateway).toContain('| `request.setHeaders` |')
    expect(gateway).toContain('By name, each [`AggregatePart`](#aggregatepart).')
    expect(gateway).toContain("`'both' | 'forwarded' | 'x-forwarded' | 'none'`")
    expect(pages.get('docs/options/http.md')).toMatch(/^One of \[`BearerAuth`\]\(#bearerauth\), /m)
    expect(pages.get('docs/options/messaging.md')).toMatch(/^### RespondOptions\n\n(?:.+\n\n)?\| key .+\n.+\n\| `group` /m)
  })
})
