import { readFile } from 'node:fs/promises'
import { type Clock, CommunicationError, ConnectionError } from '@comm/core'
import { createClient, type RedisClientOptions } from 'redis'
import { destroyClient, type NodeClient } from './link.ts'
import type { Endpoint, RedisTlsOptions, ResolvedConnection } from './options.ts'

export function describeEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What every connection is made with, whatever it is for. */
export async function clientOptions(options: ResolvedConnection): Promise<RedisClientOptions> {
  const { username, password, database, clientId } = options
  return {
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(clientId === undefined ? {} : { name: clientId }),
    ...(database === 0 ? {} : { database }),
  }
}

/** Reads the files anew, so that a certificate that was renewed is taken up by the next connection. */
export async function tlsOptions(ssl: RedisTlsOptions): Promise<object> {
  if (!ssl.enabled) return {}
  const [ca, cert, key] = await Promise.all([
    ssl.ca ?? read(ssl.caFile, 'caFile'),
    ssl.cert ?? read(ssl.certFile, 'certFile'),
    ssl.key ?? read(ssl.keyFile, 'keyFile'),
  ])
  return {
    tls: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ssl.passphrase === undefined ? {} : { passphrase: ssl.passphrase }),
    ...(ssl.serverName === undefined ? {} : { servername: ssl.serverName }),
  }
}

async function read(file: string | undefined, option: string): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConnectionError(`cannot read ssl.${option} ${file}: ${(cause as Error).message}`, { cause })
  }
}

/** A connection that is usable, and never reconnects by itself. @throws the client library's errors */
export async function openNode(options: ResolvedConnection, endpoint: Endpoint, signal: AbortSignal): Promise<NodeClient> {
  const { host, port } = endpoint
  const [common, tls] = await Promise.all([clientOptions(options), tlsOptions(options.ssl)])
  const client = createClient({
    ...common,
    socket: { host, port, ...tls, connectTimeout: options.connectionTimeoutMs, reconnectStrategy: false },
  }) as NodeClient
  await connectWithin(options, client, signal, `Redis at ${describeEndpoint(endpoint)}`)
  return client
}

/** Connects a client, or destroys it. @throws as `within` does; the client library's errors */
export async function connectWithin(
  options: ResolvedConnection,
  client: Connectable,
  signal: AbortSignal,
  who: string,
): Promise<void> {
  let hasSocket = false
  client.on('error', () => undefined)
  client.once('connect', () => {
    hasSocket = true
  })
  try {
    await within(options, signal, who, client.connect())
  } catch (thrown) {
    // Destroyed before it has its socket, the library would go on connecting, and keep the socket.
    if (hasSocket) destroyClient(client)
    else client.once('connect', () => destroyClient(client))
    throw thrown
  }
}

interface Connectable {
  readonly isOpen: boolean
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: () => void): unknown
  once(event: 'connect', listener: () => void): unknown
}

/** @throws the signal's reason; ConnectionError when it takes longer than the connection's time limit */
export async function within<Result>(
  { clock, connectionTimeoutMs }: { readonly clock: Clock; readonly connectionTimeoutMs: number },
  signal: AbortSignal,
  who: string,
  work: Promise<Result>,
): Promise<Result> {
  const gaveUp = Promise.withResolvers<never>()
  const abort = (): void =>
    gaveUp.reject(new CommunicationError('the connect was aborted by its caller', { code: 'COMM_ABORTED', cause: signal.reason }))
  const timer = clock.setTimer(connectionTimeoutMs, () =>
    gaveUp.reject(
      new ConnectionError(
        `${who} did not answer within connectionTimeoutMs (${connectionTimeoutMs} ms). Check the port, and TLS`,
      ),
    ),
  )
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  work.catch(() => undefined)
  try {
    return await Promise.race([work, gaveUp.promise])
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', abort)
  }
}
