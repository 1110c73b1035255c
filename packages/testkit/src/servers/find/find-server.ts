import { ServiceUnavailableError } from '@comm/core'
import type { ServerKind } from '../kind.ts'
import { type Started, startLocal } from '../process/local-server.ts'
import type { ServerSource } from '../server.ts'
import { SERVER_VARIABLES } from '../variables.ts'
import { startContainer } from './docker.ts'
import { dockerEngine } from './docker-engine.ts'
import { useEnvironment } from './environment.ts'
import type { SourceChoice } from './sources.ts'

export interface FoundServer extends Started {
  readonly source: ServerSource
}

/**
 * Tries one way after the other. A variable that is set is the user's decision: if nothing answers there, nothing else is tried.
 *
 * @throws ServiceUnavailableError that says what was tried, what came of it and what to install
 */
export async function findServer(kind: ServerKind, sources: readonly SourceChoice[]): Promise<FoundServer> {
  const variable = SERVER_VARIABLES[kind.name]
  const tried: string[] = []
  const note = (what: string, error: unknown) => tried.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  for (const source of sources) {
    if (source === 'environment') {
      const url = process.env[variable]
      if (url === undefined || url === '') tried.push(`environment: ${variable} is not set`)
      else if (kind.special) tried.push(`environment: ${variable} is set, but this server needs options of its own`)
      else return { ...(await useEnvironment(kind, url)), source }
    } else if (source === 'docker') {
      const engine = kind.docker && (await dockerEngine())
      if (kind.docker === undefined) tried.push('docker: not supported for this server')
      else if (engine === undefined) tried.push('docker: no engine answers')
      else {
        try {
          return { ...(await startContainer(kind, kind.docker)), source }
        } catch (error) {
          note(`docker (${engine})`, error)
        }
      }
    } else if (source === 'local') {
      try {
        const found = await kind.findLocal()
        if (found) return { ...(await startLocal(kind, found)), source }
        tried.push('local: no such program on this machine')
      } catch (error) {
        note('local', error)
      }
    } else {
      try {
        return { ...(await startLocal(kind, await kind.install(source))), source: 'installed' }
      } catch (error) {
        note(`installed (${source})`, error)
      }
    }
  }
  throw new ServiceUnavailableError(
    `no ${kind.label} for the tests could be found or started. Tried:\n  ${tried.join('\n  ')}\nWhat helps: set ${variable}, start Docker, or ${kind.advice}.`,
    { details: { server: kind.name, tried } },
  )
}
