import { createServer } from 'node:net'
import { ServiceUnavailableError } from '@comm/core'

/**
 * Below every platform's range of ephemeral ports: a port inside it may be taken by a client's own socket while its server is
 * down, even by one that, connecting in a loop to the closed port, at last connects to itself.
 */
const LOWEST = 12_000
const HIGHEST = 32_000
const MOST_TRIES = 100

/** @returns distinct ports that nothing listens on, on any address. Another process may still take one before it is used. */
export async function freePorts(count: number, random: () => number = Math.random): Promise<readonly number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === MOST_TRIES * count)
      throw new ServiceUnavailableError(`no free port found between ${LOWEST} and ${HIGHEST} in ${tries} tries`)
    const port = LOWEST + Math.floor(random() * (HIGHEST - LOWEST))
    if (!ports.has(port) && (await isFree(port, '127.0.0.1')) && (await isFree(port, '0.0.0.0'))) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number, host: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  return promise
}
