import { isDeepStrictEqual } from 'node:util'
import type { CommunicationConfig } from '@comm/config'
import { parseClientName, sectionPath } from './client-names.ts'
import { LIVE_LOGGING } from './logger.ts'

/** What became of the settings that another configuration changed, by their paths, such as `httpClient.timeout.totalMs`. */
export interface ReloadReport {
  /** They hold from now on. */
  readonly applied: readonly string[]
  /** What runs was made with the old value, and goes on with it: restart the process. */
  readonly needsRestart: readonly string[]
}

/** The values that a process runs with, which those of the last configuration need not be. */
export class RunningSettings {
  readonly #values: Map<string, unknown>

  constructor(config: CommunicationConfig) {
    this.#values = valuesOf(config)
  }

  /**
   * Compares what runs with another configuration.
   * @param built the names of the clients that run and were built from the configuration; undefined while nothing was made from it
   */
  compare(
    config: CommunicationConfig,
    built: readonly string[] | undefined,
  ): ReloadReport & { readonly clients: readonly string[] } {
    const wanted = valuesOf(config)
    const changed = [...new Set([...this.#values.keys(), ...wanted.keys()])]
      .filter((key) => !isDeepStrictEqual(this.#values.get(key), wanted.get(key)))
      .sort()
    if (built === undefined) return { applied: changed, needsRestart: [], clients: [] }
    const clientOf = (key: string): string | undefined => built.find((name) => key.startsWith(`${sectionPath(name)}.`))
    const isLive = (key: string): boolean => {
      if (LIVE_MESH.test(key)) return true
      const name = clientOf(key)
      if (name !== undefined) return parseClientName(name)?.kind === 'http' && wanted.has(key)
      return isOfNobody(key) || LIVE.has(key) || LIVE_LOGGING.has(key)
    }
    const applied = changed.filter(isLive)
    const isChanged = (name: string): boolean =>
      applied.includes('detailedMetrics') || applied.some((key) => clientOf(key) === name)
    const isThere = (name: string): boolean => [...wanted.keys()].some((key) => key.startsWith(`${sectionPath(name)}.`))
    const http = built.filter((name) => parseClientName(name)?.kind === 'http' && isThere(name))
    return { applied, needsRestart: changed.filter((key) => !isLive(key)), clients: http.filter(isChanged) }
  }

  /** These have the values of the configuration now. */
  adopt(config: CommunicationConfig, keys: readonly string[]): void {
    const values = valuesOf(config)
    for (const key of keys) {
      if (values.has(key)) this.#values.set(key, values.get(key))
      else this.#values.delete(key)
    }
  }
}

/** Settings that are looked at when they are needed. */
const LIVE: ReadonlySet<string> = new Set(['enableHealthChecks', 'detailedMetrics'])

/** Of a mesh that runs. */
const LIVE_MESH = /^(?:meshServices\.|mesh\.(?:allow|deny)(?:\.|$))/

/** The sections of clients: a client that is not built yet will be built from them. */
function isOfNobody(key: string): boolean {
  return /^(?:httpClients?|grpcClients?|messageBrokers?|serviceDiscovery|mesh)\./.test(key)
}

function valuesOf(config: CommunicationConfig): Map<string, unknown> {
  const valueAt = (key: string): unknown =>
    key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], config)
  return new Map(Object.keys(config.sources()).map((key) => [key, valueAt(key)]))
}
