import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommunicationConfig, describeSettings, type HttpClientConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { nearest } from '../src/schema/nearest.ts'
import type { Schema } from '../src/schema/setting.ts'
import { spellingsOf } from '../src/schema/spellings.ts'

const settings = describeSettings()

describe('the schema', () => {
  it('gives every setting a variable of its own', () => {
    const variables = settings.map(({ variable }) => variable)
    expect(new Set(variables).size).toBe(variables.length)
  })

  it('refuses one spelling for two settings', () => {
    const flag = { kind: 'flag', doc: '', default: false } as const
    expect(() => spellingsOf({ retry: { max: flag }, retryMax: flag })).toThrow(
      'the schema uses retryMax for both retry.max and retryMax',
    )
  })

  it('is checked against the interface by the compiler', () => {
    const timeout: Pick<Schema<HttpClientConfig>, 'maxConnections' | 'keepaliveExpiryMs' | 'baseUrl'> = {
      // @ts-expect-error a number needs a number's kind
      maxConnections: { kind: 'text', default: 'many', doc: '' },
      // @ts-expect-error what ends in Ms is a duration
      keepaliveExpiryMs: { kind: 'number', default: 1, doc: '' },
      // @ts-expect-error what is optional has no default
      baseUrl: { kind: 'url', default: 'http://x', doc: '' },
    }
    expect(Object.keys(timeout)).toHaveLength(3)
  })

  it('has the defaults that the interfaces document', () => {
    const folder = join(import.meta.dirname, '../src/settings')
    const source = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
    const documented = source.flatMap((text) => [...text.matchAll(/@default (.+?) \*\/\s+readonly (\w+): [^{]/g)])
    expect(documented.length).toBeGreaterThan(30)
    for (const [, value = '', key = ''] of documented) {
      const defaults = settings.filter(({ path }) => path.endsWith(`.${key}`) || path === key).map((setting) => setting.default)
      if (defaults.length > 0)
        expect([key, defaults]).toEqual([key, expect.arrayContaining([JSON.parse(value.replaceAll("'", '"'))])])
    }
  })
})

describe('importing the package', () => {
  it('loads neither convict nor yaml before they are needed', () => {
    const script = `
      const { CommunicationConfig } = await import('@comm/config')
      const { createRequire, default: Module } = await import('node:module')
      const loaded = () => Object.keys(Module._cache).filter((path) => /node_modules.(convict|yaml)./.test(path)).length
      const before = loaded()
      CommunicationConfig.fromEnv({})
      console.log(JSON.stringify([before, loaded() > 0]))`
    const args = ['--conditions=@comm/source', '--input-type=module', '--eval', script]
    const printed = execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' })
    expect(JSON.parse(printed)).toEqual([0, true])
  })
})

describe('nearest', () => {
  it.each([
    ['timout', 'timeout'],
    ['tiemout', 'timeout'],
    ['TIMEOUT', 'timeout'],
    ['retires', 'retries'],
    ['xyz', undefined],
    ['', undefined],
  ])('%j means %j', (word, expected) => {
    expect(nearest(word, ['retries', 'timeout', 'headers'])).toBe(expected)
  })
})

it('every default satisfies its own setting', () => {
  expect(() => CommunicationConfig.from(CommunicationConfig.from({}))).not.toThrow()
})
