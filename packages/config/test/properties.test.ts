import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommunicationConfig, describeSettings, type SettingDescription } from '@comm/config'
import { isSecretKey } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { fileWith, folderWith, refused } from './helpers.ts'

type Tree = { [key: string]: Tree | unknown }

/** A setting and a value that it takes, as TypeScript holds it. */
interface Sample {
  readonly setting: SettingDescription
  readonly value: unknown
}

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: word,
  URL: word.map((host) => `http://${host}.example/path`),
  'true or false': fc.boolean(),
  integer: fc.integer({ min: 1, max: 1000 }),
  number: fc.constantFrom(0, 0.25, 1),
  duration: fc.integer({ min: 1, max: 2_147_483_647 }),
  size: fc.integer({ min: 1, max: 1e9 }),
  'list of string': fc.array(word, { minLength: 1, maxLength: 3 }),
  'name to string': fc.dictionary(word, word, { minKeys: 1, maxKeys: 3 }),
  'name to list of URL': fc.dictionary(word, fc.constant(['http://a', 'http://b']), { minKeys: 1, maxKeys: 3 }),
}

const plain = describeSettings().filter(({ path }) => !path.includes('*'))

function arbitraryOf({ type }: SettingDescription): fc.Arbitrary<unknown> {
  const known = VALUES[type]
  if (known !== undefined) return known
  const choices = fc.constantFrom(...type.replace('name to ', '').split(', '))
  return type.startsWith('name to ') ? fc.dictionary(word, choices, { minKeys: 1, maxKeys: 3 }) : choices
}

const sample = fc.constantFrom(...plain).chain((setting) => arbitraryOf(setting).map((value): Sample => ({ setting, value })))
const samples = fc.uniqueArray(sample, { selector: ({ setting }) => setting.path, minLength: 1, maxLength: 12 })

/** The tree with this value at the path; trees on the way are made. */
function withValue(tree: Tree, [key = '', ...rest]: readonly string[], value: unknown): Tree {
  return { ...tree, [key]: rest.length === 0 ? value : withValue((tree[key] ?? {}) as Tree, rest, value) }
}

const asObject = (chosen: readonly Sample[]): Tree =>
  chosen.reduce<Tree>((tree, { setting, value }) => withValue(tree, setting.path.split('.'), value), {})

const asFile = (chosen: readonly Sample[]): Tree => ({
  communication: chosen.reduce<Tree>((tree, { setting, value }) => {
    return withValue(tree, setting.fileKey.split('.'), setting.unit === 'seconds' ? `${value}ms` : value)
  }, {}),
})

const asVariables = (chosen: readonly Sample[]): Record<string, string> =>
  Object.fromEntries(
    chosen.map(({ setting, value }) => {
      const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
      return [setting.variable, setting.unit === 'seconds' ? `${text}ms` : text]
    }),
  )

const isSecretHeader = (name: string): boolean => isSecretKey(name) || name === 'key'
const settingsOf = (config: CommunicationConfig): Tree => ({ ...config })
const valueAt = (config: CommunicationConfig, path: string): unknown =>
  path.split('.').reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], config)

const folder = folderWith()

describe('whatever is set', () => {
  it('means the same in code, in YAML, in JSON and in the environment', () => {
    fc.assert(
      fc.property(samples, (chosen) => {
        const expected = settingsOf(CommunicationConfig.from(asObject(chosen)))
        const [yamlFile, jsonFile] = [join(folder, 'a.yaml'), join(folder, 'a.json')]
        writeFileSync(yamlFile, stringify(asFile(chosen)))
        writeFileSync(jsonFile, JSON.stringify(asFile(chosen)))
        expect(settingsOf(CommunicationConfig.fromFile(yamlFile))).toEqual(expected)
        expect(settingsOf(CommunicationConfig.fromFile(jsonFile))).toEqual(expected)
        expect(settingsOf(CommunicationConfig.fromEnv(asVariables(chosen)))).toEqual(expected)
        for (const { setting, value } of chosen)
          expect(valueAt(CommunicationConfig.from(asObject(chosen)), setting.path)).toEqual(value)
      }),
      { numRuns: 60 },
    )
  })

  it('comes back from its own JSON, secrets aside', () => {
    // The names of headers that say secret hide their values too.
    const isOpen = ({ setting, value }: Sample): boolean =>
      !setting.secret && !(setting.type === 'name to string' && Object.keys(value as Tree).some(isSecretHeader))
    const open = samples.map((chosen) => chosen.filter(isOpen))
    fc.assert(
      fc.property(open, (chosen) => {
        const config = CommunicationConfig.from(asObject(chosen))
        expect(settingsOf(CommunicationConfig.from(JSON.parse(JSON.stringify(config))))).toEqual(settingsOf(config))
      }),
      { numRuns: 60 },
    )
  })
})

describe('of several layers', () => {
  it('the strongest that sets a setting wins it, and is named as its source', () => {
    const layered = fc
      .constantFrom(...plain.filter(({ path }) => path !== 'environment'))
      .chain((setting) =>
        fc.tuple(fc.constant(setting), fc.array(fc.option(arbitraryOf(setting)), { minLength: 4, maxLength: 4 })),
      )
    fc.assert(
      fc.property(layered, ([setting, values]) => {
        const [inFile, inProfile, inEnvironment, inOverrides] = values.map((value) =>
          value === null ? [] : [{ setting, value }],
        )
        const file = join(folder, 'base.yaml')
        const profileFile = join(folder, 'base.test.yaml')
        writeFileSync(file, stringify(asFile(inFile ?? [])))
        writeFileSync(profileFile, stringify(asFile(inProfile ?? [])))
        const env = { ENVIRONMENT: 'test', ...asVariables(inEnvironment ?? []) }
        const config = CommunicationConfig.load({ file, env, overrides: asObject(inOverrides ?? []) })

        const strongest = values.findLastIndex((value) => value !== null)
        if (strongest >= 0) expect(valueAt(config, setting.path)).toEqual(values[strongest])
        else expect(valueAt(config, setting.path)).toEqual(setting.default)
        const sources = [file, profileFile, `environment ${setting.variable}`, 'overrides']
        expect(config.source(setting.path).replace(/:\d+$/, '')).toBe(sources[strongest] ?? 'default')
      }),
      { numRuns: 80 },
    )
  })
})

describe('nonsense', () => {
  const reserved = new Set(['communication'])
  it('is refused with a ConfigurationError, never with anything else', () => {
    const nonsense = fc.dictionary(
      fc.oneof(word, fc.constantFrom('http_client', 'logging', 'http_clients', '__proto__')),
      fc.anything({ maxDepth: 3 }),
      { minKeys: 1 },
    )
    fc.assert(
      fc.property(nonsense, (values) => {
        fc.pre(!Object.keys(values).some((key) => reserved.has(key)))
        try {
          CommunicationConfig.from(values as object)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'COMM_CONFIGURATION' })
        }
      }),
      { numRuns: 200 },
    )
  })

  it('in a file too', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          CommunicationConfig.fromFile(fileWith(text, 'x.yaml'))
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'COMM_CONFIGURATION' })
        }
      }),
      { numRuns: 100 },
    )
  })

  it('counts as many problems as there are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...plain.filter(({ type }) => type === 'integer')), { minLength: 2 }),
        (chosen) => {
          const env = Object.fromEntries(chosen.map(({ variable }) => [variable, 'x']))
          expect(refused(() => CommunicationConfig.fromEnv(env)).problems).toHaveLength(chosen.length)
        },
      ),
      { numRuns: 20 },
    )
  })
})
