import { type Clock, CommunicationError, ConnectionError, describeEndpoint, type Endpoint } from '@comm/core'
import { readTls, type TlsOptions } from '@comm/core/tls'
import { createClient, type RedisClientOptions } from 'redis'
import { destroyClient, type NodeClient } from './link.ts'
import type { ResolvedConnection } from './options.ts'

/** What every connection is made with, whatever it is for. */
export async function clientOptions(options: ResolvedConnection): Promise<RedisClientOptions> {
  const { username, password, database, clientId } = options
  return {
    RESP: 3,
    disableOfflineQueue: true,
    // The library's own limit ends with the writing, and costs a signal with a timer for each command: the heartbeat finds a server
    // that takes nothing any more.
    commandOptions: { timeout: 0 },
    maintNotifications: 'disabled',
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(clientId === undefined ? {} : { name: clientId }),
    ...(database === 0 ? {} : { database }),
  }
}

/** What a socket is made with to speak TLS; nothing where it does not. */
export async function tlsOptions(ssl: TlsOptions): Promise<object> {
  return ssl.enabled === false ? {} : { tls: true, ...(await readTls('ssl', ssl)) }
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
  const abort = (): void => gaveUp.reject(connectAborted(signal))
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

export function connectAborted(signal: AbortSignal): CommunicationError {
  return new CommunicationError('the connect was aborted by its caller', { code: 'COMM_ABORTED', cause: signal.reason })
}
