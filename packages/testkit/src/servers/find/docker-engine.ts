import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'

const PROBE_MS = 1_000

let answered: Promise<string | undefined> | undefined

/** Asked once per process. @returns where the engine answers, or undefined */
export function dockerEngine(): Promise<string | undefined> {
  answered ??= probe()
  return answered
}

async function probe(): Promise<string | undefined> {
  for (const address of addresses()) if (await answers(address)) return address
  return undefined
}

/** Where Docker's own tools and Testcontainers look as well. */
function addresses(): readonly string[] {
  const given = process.env['DOCKER_HOST']
  if (given !== undefined) return [given]
  const runtime = process.env['XDG_RUNTIME_DIR']
  const sockets = ['/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock')]
  if (runtime !== undefined) sockets.push(join(runtime, 'docker.sock'))
  return sockets.filter((socket) => existsSync(socket)).map((socket) => `unix://${socket}`)
}

function answers(address: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const url = new URL(address)
  const to = url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || '2375' }
  const ping = request({ ...to, path: '/_ping', timeout: PROBE_MS }, (response) => {
    response.resume()
    resolve(response.statusCode === 200)
  })
  ping.once('timeout', () => ping.destroy(new Error('no answer')))
  ping.once('error', () => resolve(false))
  ping.end()
  return promise
}
