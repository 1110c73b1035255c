import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CommunicationConfig } from '@comm/config'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { command } from '../check/command.ts'

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: unknown
  readonly data?: Readonly<Record<string, string>>
}

interface Deployment {
  readonly template: {
    readonly spec: {
      readonly terminationGracePeriodSeconds: number
      readonly containers: readonly [
        {
          readonly env?: readonly { readonly name: string; readonly value: string }[]
          readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[]
        },
      ]
    }
  }
}

type Models = Readonly<Record<string, new (data: unknown) => { validate(): void }>>

const root = join(import.meta.dirname, '../..')
const files = globSync('deploy/kubernetes/*.yaml', { cwd: root }).sort()
const manifests = new Map(files.map((file) => [file, read(readFileSync(join(root, file), 'utf8'))]))
const all = [...manifests.values()].flat()

function read(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as Manifest
  })
}

/** @throws Error that names what is not as the schemas of Kubernetes want it */
async function validate({ apiVersion, kind, ...manifest }: Manifest): Promise<void> {
  // One model at a time: the whole of a version takes seconds to load.
  const models = (await import(`kubernetes-models/${apiVersion}/${kind}`).catch(() => ({}))) as Models
  const Model = models[kind]
  if (Model === undefined) throw new Error(`there is no ${kind} in ${apiVersion}`)
  new Model(manifest).validate()
}

describe('the manifests for Kubernetes', () => {
  it.each(files)('%s: matches the schemas', async (file) => {
    for (const manifest of manifests.get(file) ?? []) await validate(manifest)
  })

  it('would not, if they were wrong', async () => {
    const role = all.find(({ kind }) => kind === 'Role') as Manifest
    await expect(validate({ ...role, rules: [{ verbs: 'list' }] } as Manifest)).rejects.toThrow('rules/0/verbs must be array')
    await expect(validate({ ...role, kind: 'Rolle' })).rejects.toThrow('there is no Rolle')
  })

  it.each(
    all
      .filter(({ kind }) => kind === 'Deployment')
      .map((manifest) => [manifest.metadata.name, manifest.spec as Deployment] as const),
  )('%s: its variables are settings, and the process ends by itself before it is killed', (service, { template: { spec } }) => {
    const [{ env: own = [], envFrom }] = spec.containers
    const common = envFrom.map(
      ({ configMapRef }) =>
        all.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name)?.data ?? {},
    )
    // The file is there in the pod only.
    const values = own.filter(({ name }) => !name.endsWith('_FILE')).map(({ name, value }) => [name, value])
    const env = Object.assign({}, ...common, Object.fromEntries(values)) as Record<string, string>
    const config = CommunicationConfig.load({ env })
    // The others have no client of a broker, and refuse to start with settings for one.
    const hasBroker = service === 'orders' || service === 'notifications'
    expect(config.messageBroker.type).toBe(hasBroker ? 'rabbitmq' : 'memory')
    expect(config.shutdown.readinessDelayMs).toBeGreaterThanOrEqual(3000)
    expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.shutdown.budgetMs)
  })
})

describe('keys that Kubernetes does not know', () => {
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, 'node_modules/.cache/manifests-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const typed = (name: string, given: readonly Manifest[]): void => {
    const lines = given.map(
      ({ apiVersion, kind, ...rest }, at) =>
        `export const m${at}: import('kubernetes-models/${apiVersion}/${kind}').I${kind} = ${JSON.stringify({ apiVersion, kind, ...rest })}`,
    )
    writeFileSync(join(folder, `${name}.ts`), lines.join('\n'))
  }
  let output = ''
  beforeAll(async () => {
    // The schemas let unknown keys pass; the types of the same package do not.
    for (const [file, given] of manifests) typed(basename(file, '.yaml'), given)
    const [users] = manifests.get('deploy/kubernetes/users.yaml') ?? []
    const wrong = JSON.parse(JSON.stringify(users).replace('livenessProbe', 'livenesProbe')) as Manifest
    typed('wrong', [wrong])
    const tsc = join(root, 'node_modules/.bin/tsc')
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', '']
    output = (await command(tsc, [...options, ...globSync('*.ts', { cwd: folder })], { cwd: folder })).output
  }, 120_000)

  it('are found', () => expect(output).toMatch(/^wrong\.ts.*livenesProbe/m))
  it('are nowhere', () =>
    expect(output.split('\n').filter((line) => /^\w+\.ts/.test(line) && !line.startsWith('wrong.ts'))).toEqual([]))
})
