import { isDeepStrictEqual } from 'node:util'
import { type FileSettings, type ResolvedSettings, resolveSettings } from './gateway-options.ts'

/** What became of another configuration. */
export interface ReloadReport {
  /** Settings that it changes, or no longer has, and that hold as they were until the gateway is started anew. */
  readonly needsRestart: readonly string[]
}

/** Settings that a gateway takes on while it runs. */
const LIVE: ReadonlySet<keyof FileSettings> = new Set<keyof FileSettings>([
  'accessLog',
  'trustedProxies',
  'forwarded',
  'pseudonym',
  'stopBudgetMs',
  'readinessDelayMs',
])

/** The settings that hold, and what another configuration would change in them. */
export class RunningSettings {
  current: ResolvedSettings
  #named: readonly (keyof FileSettings)[] = []

  /** @param settings that are right */
  constructor(settings: ResolvedSettings) {
    this.current = settings
  }

  /** @param given those that another configuration names @throws ConfigurationError with every problem at once */
  compare(given: Partial<FileSettings>): ReloadReport & { readonly settings: ResolvedSettings } {
    const now = this.current
    const names = namesOf(given)
    const wanted = resolveSettings({ ...now, ...given })
    const changed = names.filter((name) => name !== 'tls' && !isDeepStrictEqual(wanted[name], now[name]))
    const live = Object.fromEntries(changed.filter((name) => LIVE.has(name)).map((name) => [name, wanted[name]]))
    const missing = this.#named.filter((name) => !names.includes(name))
    const needsRestart = [
      ...changed.filter((name) => !LIVE.has(name)),
      ...missing,
      ...(names.includes('tls') ? ofTls(wanted, now) : []),
    ]
    const tls = now.tls && wanted.tls && { ...wanted.tls, ...fixedTls(now) }
    return { settings: { ...now, ...live, ...(tls && { tls }) }, needsRestart }
  }

  /** @param given where the settings come from */
  adopt(settings: ResolvedSettings, given: Partial<FileSettings>): void {
    this.current = settings
    this.#named = namesOf(given)
  }
}

function namesOf(given: Partial<FileSettings>): readonly (keyof FileSettings)[] {
  return (Object.keys(given) as (keyof FileSettings)[]).filter((name) => given[name] !== undefined)
}

/** Certificates may change; whether there is TLS at all, and what it speaks, may not. */
function ofTls({ tls: wanted }: ResolvedSettings, { tls: now }: ResolvedSettings): readonly string[] {
  if (wanted === undefined || now === undefined) return wanted === now ? [] : ['tls']
  const { http2 = true, requestCert = false } = now
  return [
    ...((wanted.http2 ?? true) === http2 ? [] : ['tls.http2']),
    ...((wanted.requestCert ?? false) === requestCert ? [] : ['tls.requestCert']),
  ]
}

function fixedTls({ tls }: ResolvedSettings): { readonly http2: boolean; readonly requestCert: boolean } {
  return { http2: tls?.http2 ?? true, requestCert: tls?.requestCert ?? false }
}
