import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { checkArgument, checkOptions, nonEmptyText, object } from '@comm/core/options'
import { type Environment, readEnvironment } from './layers/environment-layer.ts'
import { readFile } from './layers/file-layer.ts'
import { Layer } from './layers/layer.ts'
import { readObject } from './layers/object-layer.ts'
import { Problems } from './layers/problems.ts'
import { type Resolved, resolve } from './resolve.ts'
import { readValue } from './schema/read-value.ts'
import type { Schema } from './schema/setting.ts'
import { type SpellingTable, spellingsOf } from './schema/spellings.ts'
import { COMMUNICATION, type CommunicationSettings } from './settings/communication.ts'

/** A part of the settings, as deep as one likes. */
export type Partially<Settings> = {
  readonly [Key in keyof Settings]?:
    | (Settings[Key] extends readonly unknown[] | string | number | boolean | undefined
        ? Settings[Key]
        : Partially<Settings[Key]>)
    | undefined
}

export interface LoadOptions {
  /** The base file, YAML or JSON. @default none */
  readonly file?: string
  /** The name of the environment. @default the variable ENVIRONMENT, or `development` */
  readonly profile?: string
  /**
   * The profile file; `{profile}` in it stands for the profile. One that is given must exist.
   * @default beside `file`: for `config/communication.yaml` it is `config/communication.production.yaml`, if that exists
   */
  readonly profileFile?: string
  /** Pass `{}` for none. @default process.env */
  readonly env?: Environment
  /** Wins over everything. @default none */
  readonly overrides?: Partially<CommunicationSettings>
}

export const LOAD_DEFAULTS: Readonly<{ profile: string }> = Object.freeze({ profile: 'development' })

export type Loaded = Resolved<CommunicationSettings>

/** defaults < environment */
export function loadEnvironment(env: Environment): Loaded {
  checkArgument('CommunicationConfig.fromEnv(env)', env, object)
  return collect((table, problems) => [readEnvironment(env, table, [], problems)])
}

/** defaults < file */
export function loadFile(path: string): Loaded {
  checkArgument('CommunicationConfig.fromFile(path)', path, nonEmptyText)
  return collect((table, problems) => [readFile(path, table, problems)])
}

/** defaults < values */
export function loadValues<Settings>(what: string, schema: Schema<Settings>, values: Partially<Settings>): Resolved<Settings> {
  checkArgument(`${what}(values)`, values, object)
  const problems = new Problems()
  const layer = readObject(what, values, spellingsOf(schema), problems)
  problems.throwIfAny()
  return resolve(schema, [layer])
}

/** defaults < file < profile file < environment < overrides */
export function loadAll(options: LoadOptions): Loaded {
  checkOptions<LoadOptions>('CommunicationConfig.load', options, {
    file: nonEmptyText,
    profile: nonEmptyText,
    profileFile: nonEmptyText,
    env: object,
    overrides: object,
  })
  const { env = process.env, overrides = {} } = options
  return collect((table, problems) => {
    const files = filesOf(options, env).map((path) => readFile(path, table, problems))
    const names = files.flatMap((layer) => [...layer.names])
    return [
      ...files,
      readEnvironment(env, table, names, problems),
      ...(options.profile === undefined ? [] : [profileLayer(options.profile, table, problems)]),
      readObject('overrides', overrides, table, problems),
    ]
  })
}

function collect(read: (table: SpellingTable, problems: Problems) => readonly Layer[]): Loaded {
  const problems = new Problems()
  const layers = read(spellingsOf(COMMUNICATION), problems)
  problems.throwIfAny()
  return resolve(COMMUNICATION, layers)
}

function filesOf({ file, profile, profileFile }: LoadOptions, env: Environment): readonly string[] {
  const base = file === undefined ? [] : [file]
  const name = readValue(COMMUNICATION.environment, profile ?? (env.ENVIRONMENT || LOAD_DEFAULTS.profile), 'ms')
  // A wrong name is reported by the layer that it came from; here it must only not become a path.
  if (typeof name !== 'string') return base
  if (profileFile !== undefined) return [...base, profileFile.replaceAll('{profile}', name)]
  if (file === undefined) return base
  const beside = `${file.slice(0, file.length - extname(file).length)}.${name}${extname(file)}`
  return existsSync(beside) ? [...base, beside] : base
}

function profileLayer(profile: string, table: SpellingTable, problems: Problems): Layer {
  const layer = new Layer(problems)
  const environment = table.settings.get('environment')
  if (environment !== undefined) layer.set('', environment, profile, 'the option profile')
  return layer
}
