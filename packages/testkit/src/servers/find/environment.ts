import { ConfigurationError, redactCredentials } from '@comm/core'
import type { ServerKind } from '../kind.ts'
import { notOurs } from '../not-ours.ts'
import type { Started } from '../process/local-server.ts'
import { waitUntilReady } from '../process/wait-until-ready.ts'
import { SERVER_VARIABLES } from '../variables.ts'

/** A server that runs already answers at once, or not at all. */
const ANSWER_MS = 5_000

/** @throws ConfigurationError if the variable holds no URL; ServiceUnavailableError if nothing answers there */
export async function useEnvironment(kind: ServerKind, url: string): Promise<Started> {
  const { label } = kind
  const variable = SERVER_VARIABLES[kind.name]
  const endpoint = parse(kind, url)
  const version = await waitUntilReady(`${label} of ${variable}`, endpoint, kind.ping(url), Math.min(ANSWER_MS, kind.readyMs))
  const whose = `it runs elsewhere, at the address in ${variable}`
  const control = notOurs(label, whose, `unset ${variable} to let the test start one of its own`, async () => '')
  return { control, host: endpoint.host, ports: { main: endpoint.port }, version }
}

function parse(kind: ServerKind, url: string): { readonly host: string; readonly port: number } {
  try {
    return kind.parseUrl(url)
  } catch (error) {
    const shown = redactCredentials(url)
    throw new ConfigurationError(
      `${SERVER_VARIABLES[kind.name]} must be the address of ${kind.label}, got ${JSON.stringify(shown)}`,
      {
        cause: error,
      },
    )
  }
}
