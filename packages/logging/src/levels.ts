import { LOG_LEVELS, type LogLevel } from '@comm/core'

/** `silent` lets nothing through. */
export type LevelSetting = LogLevel | 'silent'

/** From the least to the most important. */
export const LEVEL_SETTINGS: readonly LevelSetting[] = Object.freeze([...LOG_LEVELS, 'silent'] as const)

/** What other platforms call them. */
const SYNONYMS: Readonly<Record<string, LevelSetting>> = {
  warning: 'warn',
  critical: 'error',
  fatal: 'error',
  off: 'silent',
  none: 'silent',
}

/** A level in any case and by its usual synonyms (`WARNING`, `CRITICAL`, `OFF`); undefined when it is none. */
export function parseLevel(text: unknown): LevelSetting | undefined {
  if (typeof text !== 'string') return undefined
  const name = text.trim().toLowerCase()
  return LEVEL_SETTINGS.find((level) => level === name) ?? (Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined)
}

export function rankOf(level: LevelSetting): number {
  return LEVEL_SETTINGS.indexOf(level)
}

/** The levels of all loggers of one root. A name without a level has that of the part before its last dot, in the end the root's. */
export class Levels {
  readonly #own: Map<string, LevelSetting>
  #root: LevelSetting
  #version = 0

  constructor(root: LevelSetting, own: ReadonlyMap<string, LevelSetting>) {
    this.#root = root
    this.#own = new Map(own)
  }

  /** Grows with every change, so that loggers may remember their level. */
  get version(): number {
    return this.#version
  }

  /** @param name undefined: the root */
  set(level: LevelSetting, name?: string): void {
    if (name === undefined) this.#root = level
    else this.#own.set(name, level)
    this.#version += 1
  }

  of(name: string | undefined): LevelSetting {
    for (let part = name; part !== undefined; part = parentOf(part)) {
      const own = this.#own.get(part)
      if (own !== undefined) return own
    }
    return this.#root
  }
}

function parentOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  return dot < 0 ? undefined : name.slice(0, dot)
}
