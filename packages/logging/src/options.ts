import type { Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { type Clock, LOG_LEVELS, type LogFields, type LogLevel, systemClock } from '@comm/core'
import {
  arrayOf,
  boolean,
  callable,
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  object,
  type Rule,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type winston from 'winston'
import { isLogFile, type LogDestination, type LogFile } from './destinations/destination-of.ts'
import { checkFile } from './destinations/outlet.ts'
import type { BurstLimit } from './gate/burst.ts'
import type { Sampling } from './gate/sampling.ts'
import { LEVEL_SETTINGS, type LevelSetting, parseLevel } from './levels.ts'

export type LogFormat = 'json' | 'pretty'

export interface LoggingOptions {
  /** Less important lines are dropped. In any case, `WARNING`, `CRITICAL`, `OFF` too. @default LOG_LEVEL, else 'info' */
  readonly level?: LevelSetting | Uppercase<LevelSetting>
  /** Levels of single loggers by name; `messaging` is also that of `messaging.kafka`. @default {} */
  readonly levels?: Readonly<Record<string, LevelSetting | Uppercase<LevelSetting>>>
  /** JSON for machines, pretty for people. In any case. @default LOG_FORMAT, else 'json' */
  readonly format?: LogFormat | Uppercase<LogFormat>
  /** Name of this service, in every line. */
  readonly service?: string
  /** Name of the logger itself; children have their own. */
  readonly name?: string
  /** Fields of every line. @default {} */
  readonly fields?: LogFields
  /** Keys whose values are secrets, beside those that `isSecretKey` of core knows; case, `-` and `_` do not matter. @default [] */
  readonly redactKeys?: readonly string[]
  /** Keys that are shown although they look like secrets. @default [] */
  readonly revealKeys?: readonly string[]
  /** Longer texts are cut, and say by how much. In characters. @default 8192 */
  readonly maxTextLength?: number
  /** Values in one line; those beyond are counted only. @default 500 */
  readonly maxValues?: number
  /** Objects inside objects, up to here. @default 8 */
  readonly maxDepth?: number
  /** Errors show their stack. @default true */
  readonly stacks?: boolean
  /** Pretty lines are coloured. @default on a terminal; NO_COLOR and FORCE_COLOR decide first */
  readonly colors?: boolean
  /** Where the lines go: `{ file: path }`, a stream, or a function. @default standard output */
  readonly destination?: LogDestination
  /** What a destination that is behind may leave waiting in memory; lines beyond are dropped, counted and reported. @default 16 MiB */
  readonly maxBufferedBytes?: number
  /** How long `flush`, `close` and the end of the process wait for a destination that is behind. @default 2000 */
  readonly flushMs?: number
  /** Share of the lines that are written, by level; the lines of one call are kept or left out together. @default all */
  readonly sampling?: Sampling
  /** Of lines that say the same, at most so many in a window; how many were left out is said when it ends. @default no limit */
  readonly burst?: BurstLimit
  /** Lines below `warn` about these paths are left out; `*` stands for anything. @default [] */
  readonly excludePaths?: readonly string[]
  /** Bodies of requests, answers and messages (`body`, `requestBody`, `responseBody`, `payload`) are cut here, in characters. @default 2048 */
  readonly maxBodyLength?: number
  /** Entries go to the logger provider of OpenTelemetry too, where one is registered. @default true */
  readonly openTelemetry?: boolean
  /** More transports of winston. Their entries are already redacted. @default [] */
  readonly transports?: readonly winston.transport[]
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** @default systemClock */
  readonly clock?: Clock
  /** From 0 to less than 1, for sampling. @default Math.random */
  readonly random?: () => number
}

type Defaulted =
  | 'fields'
  | 'redactKeys'
  | 'revealKeys'
  | 'maxTextLength'
  | 'maxValues'
  | 'maxDepth'
  | 'stacks'
  | 'transports'
  | 'maxBufferedBytes'
  | 'flushMs'
  | 'excludePaths'
  | 'maxBodyLength'
  | 'openTelemetry'
  | 'clock'
  | 'random'

export const LOGGING_DEFAULTS: Readonly<Required<Pick<LoggingOptions, Defaulted>>> = Object.freeze({
  fields: Object.freeze({}),
  redactKeys: Object.freeze([]),
  revealKeys: Object.freeze([]),
  maxTextLength: 8192,
  maxValues: 500,
  maxDepth: 8,
  stacks: true,
  transports: Object.freeze([]),
  maxBufferedBytes: 16 * 1024 * 1024,
  flushMs: 2000,
  excludePaths: Object.freeze([]),
  maxBodyLength: 2048,
  openTelemetry: true,
  clock: systemClock,
  random: Math.random,
})

export interface ResolvedLogging extends Required<Pick<LoggingOptions, Defaulted>> {
  readonly level: LevelSetting
  readonly levels: ReadonlyMap<string, LevelSetting>
  readonly format: LogFormat
  readonly service: string | undefined
  readonly name: string | undefined
  readonly colors: boolean
  readonly destination: LogDestination | undefined
  readonly sampling: Sampling | undefined
  readonly burst: BurstLimit | undefined
}

export const aLevel: Rule = {
  expected: `one of ${LEVEL_SETTINGS.join(', ')}`,
  accepts: (value) => parseLevel(value) !== undefined,
}
const aFormat: Rule = { expected: 'one of json, pretty', accepts: (value) => parseFormat(value) !== undefined }
const aLevelPerName: Rule = {
  expected: `an object of logger names, each ${aLevel.expected}`,
  accepts: (value) => object.accepts(value) && Object.values(value as object).every(aLevel.accepts),
}
const aDestination: Rule = {
  expected: "{ file: 'path' }, a writable stream or a function",
  accepts: (value) =>
    callable.accepts(value) ||
    (object.accepts(value) && (callable.accepts((value as Writable).write) || nonEmptyText.accepts((value as LogFile).file))),
}
const ratio = number({ min: 0, max: 1 })
const aSampling: Rule = {
  expected: `an object of levels (${LOG_LEVELS.join(', ')}), each ${ratio.expected}`,
  accepts: (value) =>
    object.accepts(value) &&
    Object.entries(value as object).every(([level, share]) => LOG_LEVELS.includes(level as LogLevel) && ratio.accepts(share)),
}
const aPath: Rule = {
  expected: "a path such as '/health' or '/static/*'",
  accepts: (value) => typeof value === 'string' && /^[/*]/.test(value),
}
const texts = arrayOf(nonEmptyText)

/** @throws ConfigurationError naming every wrong option, or the wrong environment variable */
export function resolveOptions(options: LoggingOptions): ResolvedLogging {
  checkOptions<LoggingOptions>('logging', options, {
    level: aLevel,
    levels: aLevelPerName,
    format: aFormat,
    service: nonEmptyText,
    name: nonEmptyText,
    fields: object,
    redactKeys: texts,
    revealKeys: texts,
    maxTextLength: number({ min: 1, integer: true }),
    maxValues: number({ min: 1, integer: true }),
    maxDepth: number({ min: 1, integer: true }),
    stacks: boolean,
    colors: boolean,
    destination: aDestination,
    maxBufferedBytes: number({ min: 65_536, integer: true }),
    flushMs: number({ min: 0 }),
    sampling: aSampling,
    burst: object,
    excludePaths: arrayOf(aPath),
    maxBodyLength: number({ min: 0, integer: true }),
    openTelemetry: boolean,
    transports: arrayOf(object),
    env: object,
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
    random: callable,
  })
  if (options.burst !== undefined) {
    checkOptions<BurstLimit>('logging.burst', options.burst, {
      lines: required(number({ min: 1, integer: true })),
      perMs: number({ above: 0 }),
    })
  }
  const { destination } = options
  if (destination !== undefined && isLogFile(destination)) checkFile('logging.destination.file', destination.file)
  const { env = process.env, ...given } = options
  const levels = Object.entries(given.levels ?? {}).flatMap(([name, text]) => {
    const level = parseLevel(text)
    return level === undefined ? [] : [[name, level] as const]
  })
  return {
    ...withDefaults(LOGGING_DEFAULTS, given),
    level: parseLevel(given.level) ?? parseLevel(fromEnvironment(env, 'LOG_LEVEL', aLevel)) ?? 'info',
    levels: new Map(levels),
    format: parseFormat(given.format) ?? parseFormat(fromEnvironment(env, 'LOG_FORMAT', aFormat)) ?? 'json',
    service: given.service,
    name: given.name,
    colors: given.colors ?? wantsColors(env, given.destination),
    destination: given.destination,
    sampling: given.sampling,
    burst: given.burst,
  }
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>, name: string, rule: Rule): string | undefined {
  const value = env[name]
  if (value === undefined || value.trim() === '') return undefined
  checkArgument(`environment variable ${name}`, value, rule)
  return value
}

function parseFormat(text: unknown): LogFormat | undefined {
  const name = typeof text === 'string' ? text.trim().toLowerCase() : undefined
  return name === 'json' || name === 'pretty' ? name : undefined
}

/** https://no-color.org, https://force-color.org */
function wantsColors(env: Readonly<Record<string, string | undefined>>, destination: LoggingOptions['destination']): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  if (destination === undefined) return isatty(1)
  return 'isTTY' in destination && destination.isTTY === true
}
