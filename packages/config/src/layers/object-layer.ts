import { object } from '@comm/core/options'
import { quoteShape } from '../redact.ts'
import { nearest } from '../schema/nearest.ts'
import { camel, type SpellingTable, snake } from '../schema/spellings.ts'
import { checkName, Layer } from './layer.ts'
import type { Problems } from './problems.ts'

/** Where a nested object came from. */
export interface Origin {
  /** Says where the value under these keys, as they are written, stands: `config/production.yaml:12`. */
  sourceOf(writtenPath: readonly string[]): string
  /** A key that would have been understood in the place of the outermost ones. */
  readonly rootKey?: string
}

/** Reads nested objects, as files and callers write them, into a layer. `null` and `undefined` set nothing. */
export class ObjectReader {
  readonly #layer: Layer
  readonly #origin: Origin
  readonly #problems: Problems

  constructor(layer: Layer, origin: Origin, problems: Problems) {
    this.#layer = layer
    this.#origin = origin
    this.#problems = problems
  }

  /**
   * @param at the section's path from the root, in camel case; empty for the root
   * @param written the keys that lead to it, as they are written
   */
  readSection(value: unknown, table: SpellingTable, at: string, written: readonly string[]): void {
    if (!object.accepts(value)) {
      const key = at === '' ? 'the configuration' : at
      return this.#problems.value(key, this.#origin.sourceOf(written), quoteShape(value), 'an object with keys')
    }
    for (const [key, item] of Object.entries(value as object) as [string, unknown][]) {
      if (item !== undefined && item !== null) this.#readKey(key, item, table, at, [...written, key])
    }
  }

  #readKey(key: string, item: unknown, table: SpellingTable, at: string, written: readonly string[]): void {
    const name = camel(key)
    const path = at === '' ? name : `${at}.${name}`
    const section = table.sections.get(name)
    const setting = table.settings.get(name)
    const named = table.named.get(name)
    if (section !== undefined && (setting === undefined || object.accepts(item))) this.readSection(item, section, path, written)
    else if (setting !== undefined) this.#layer.set(at, setting, item, this.#origin.sourceOf(written))
    else if (named !== undefined) this.#readNamed(item, named, path, written)
    else this.#unknown(key, table, written)
  }

  #readNamed(value: unknown, table: SpellingTable, path: string, written: readonly string[]): void {
    if (!object.accepts(value)) {
      const received = quoteShape(value)
      return this.#problems.value(path, this.#origin.sourceOf(written), received, 'an object with a section for each name')
    }
    for (const [name, section] of Object.entries(value as object) as [string, unknown][]) {
      const here = [...written, name]
      const isRest = table.hasRest === true && name === '*'
      if (!isRest && !checkName(name, path, this.#origin.sourceOf(here), this.#problems)) continue
      this.#layer.names.add(`${path}.${name}`)
      this.readSection(section ?? {}, table, `${path}.${name}`, here)
    }
  }

  #unknown(key: string, table: SpellingTable, written: readonly string[]): void {
    const root = written.length === 1 && this.#origin.rootKey !== undefined ? [this.#origin.rootKey] : []
    const known = nearest(camel(key), [...root, ...table.sections.keys(), ...table.named.keys(), ...table.settings.keys()])
    const hint = known !== undefined && !/[A-Z]/.test(key) ? snake(known) : known
    this.#problems.unknownKey(written.join('.'), this.#origin.sourceOf(written), hint)
  }
}

/** A layer of what the caller passed; `source` says how. */
export function readObject(source: string, values: object, table: SpellingTable, problems: Problems): Layer {
  const layer = new Layer(problems)
  new ObjectReader(layer, { sourceOf: () => source }, problems).readSection(values, table, '', [])
  return layer
}
