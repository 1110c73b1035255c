import { ConfigurationError } from '@comm/core'
import type { DebianRelease } from '../install/debian-release.ts'

/** A way to find a server; the two Debian releases are two ways to install it. */
export type SourceChoice = 'environment' | 'docker' | 'local' | DebianRelease

export const SOURCES: readonly SourceChoice[] = Object.freeze(['environment', 'docker', 'local', 'debian12', 'debian13'])

/** Tried in this order; Debian 13 only where it is asked for, since 12 has the older versions that others still run. */
export const SOURCES_DEFAULT: readonly SourceChoice[] = Object.freeze(['environment', 'docker', 'local', 'debian12'])

/**
 * The ways that `COMM_TEST_SERVERS` allows: names separated by commas, tried as they are written.
 *
 * @throws ConfigurationError naming the word that is none
 */
export function sourcesFromEnvironment(value: string | undefined = process.env['COMM_TEST_SERVERS']): readonly SourceChoice[] {
  if (value === undefined || value.trim() === '') return SOURCES_DEFAULT
  return value.split(',').map((word) => {
    const source = SOURCES.find((known) => known === word.trim())
    if (source !== undefined) return source
    throw new ConfigurationError(`COMM_TEST_SERVERS must be a list of ${SOURCES.join(', ')}, got ${JSON.stringify(word.trim())}`)
  })
}

/**
 * Those among the allowed ways that give a process of this machine, which can be killed and stopped and has the port that was chosen for
 * it; `local` and Debian 12 where none is among them.
 */
export function ownProcessSources(allowed: readonly SourceChoice[] = sourcesFromEnvironment()): readonly SourceChoice[] {
  const own = allowed.filter((source) => source !== 'environment' && source !== 'docker')
  return own.length > 0 ? own : ['local', 'debian12']
}
