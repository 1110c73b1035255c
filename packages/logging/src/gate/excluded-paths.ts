import type { LogFields, LogLevel } from '@comm/core'

/** Under which a line may say what path it is about: our own fields, and those of OpenTelemetry. */
const PATH_FIELDS = ['path', 'url', 'route', 'url.path', 'http.route'] as const
/** What went wrong is told whatever path it was on. */
const ALWAYS: ReadonlySet<LogLevel> = new Set(['warn', 'error'])

/** @param patterns paths; `*` stands for anything */
export function pathExcluder(patterns: readonly string[]): (level: LogLevel, fields: LogFields | undefined) => boolean {
  const excluded = new RegExp(`^(?:${patterns.map((pattern) => pattern.split('*').map(literally).join('.*')).join('|')})$`)
  return (level, fields) => {
    if (fields === undefined || fields === null || ALWAYS.has(level)) return false
    const value = PATH_FIELDS.map((field) => fields[field]).find((found) => typeof found === 'string')
    return value !== undefined && excluded.test(pathOf(value as string))
  }
}

/** Without origin, query and fragment. */
function pathOf(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}

/** Node 22 has no `RegExp.escape`. */
function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
