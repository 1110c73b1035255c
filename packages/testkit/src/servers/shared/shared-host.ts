import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CommunicationError } from '@comm/core'
import type { SharedAnswer, SharedRequest } from './protocol.ts'
import { ServerPool } from './server-pool.ts'

export interface SharedHost extends AsyncDisposable {
  /** What the processes of the run must find in the variable `SHARED_SOCKET`. */
  readonly socket: string
  close(): Promise<void>
}

/** Holds the servers of one run for all its processes. They end with the process that calls this, however it ends. */
export async function startSharedHost(): Promise<SharedHost> {
  const pool = new ServerPool()
  const folder = await mkdtemp(join(tmpdir(), 'comm-shared-'))
  const socket = join(folder, 'servers.sock')
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.once('close', () => sockets.delete(client))
    client.on('error', () => undefined)
    createInterface(client).once('line', async (line) => client.end(`${JSON.stringify(await answer(pool, line))}\n`))
  })
  server.listen(socket)
  await once(server, 'listening')
  server.unref()
  const close = async () => {
    server.close()
    for (const client of sockets) client.destroy()
    await pool.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { socket, close, [Symbol.asyncDispose]: close }
}

async function answer(pool: ServerPool, line: string): Promise<SharedAnswer> {
  try {
    const request = JSON.parse(line) as SharedRequest
    if ('logs' in request) return { logs: await (await pool.get(request.logs, request.options)).logs() }
    const { name, url, urls, host, port, tls, source, version, pid } = await pool.get(request.start, request.options)
    return { server: { name, url, urls, host, port, source, version, ...(tls && { tls }), ...(pid !== undefined && { pid }) } }
  } catch (error) {
    const { message, code } = CommunicationError.from(error)
    return { error: message, code }
  }
}
