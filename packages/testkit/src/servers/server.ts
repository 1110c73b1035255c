import type { TlsFiles } from './certificates.ts'

export type ServerName = 'redis' | 'rabbitmq' | 'kafka' | 'consul' | 'etcd' | 'dnsmasq' | 'kubernetes'

/** How a server was found, in the order in which the ways are tried. */
export type ServerSource = 'environment' | 'docker' | 'local' | 'installed'

/** A real server for a test. Whoever started it closes it; if that never happens, it ends with the process that started it. */
export interface TestServer extends AsyncDisposable {
  readonly name: ServerName
  /** For the client library, credentials included; for Kafka the bootstrap broker, `host:port`. */
  readonly url: string
  /** The other listeners by their name (`tls`, `sasl`, `saslTls`), written as `url` is; only those that were asked for. */
  readonly urls: Readonly<Record<string, string>>
  readonly host: string
  readonly port: number
  /** What the TLS listeners present and accept. */
  readonly tls: TlsFiles | undefined
  readonly source: ServerSource
  /** What the server says of itself, or the version of its package; `unknown` where neither can be had. */
  readonly version: string
  /** Of the running process; undefined while it is down, and where it runs elsewhere (a container, a URL). */
  readonly pid: number | undefined

  /** SIGKILL, awaited. @throws CommunicationError COMM_UNSUPPORTED where the server is not ours to kill */
  kill(): Promise<void>
  /** SIGSTOP: connections stay, nothing answers. @throws CommunicationError COMM_UNSUPPORTED as `kill` does */
  stop(): Promise<void>
  /** SIGCONT; resolves once the server answers. @throws CommunicationError COMM_UNSUPPORTED as `kill` does */
  continue(): Promise<void>
  /** Ends it if it runs, starts it on the same ports with its data, resolves once it answers. @throws as `kill` does */
  restart(): Promise<void>
  /** Ends the process and removes its folder; where the server is not ours, only lets go of it. Idempotent. */
  close(): Promise<void>
  /** Everything that the server printed so far, restarts included. Empty where the server came from a URL. */
  logs(): Promise<string>
}

/** What the way in which a server was found can do with it: a process, a container, a URL. */
export interface ServerControl {
  readonly pid: number | undefined
  kill(): Promise<void>
  stop(): Promise<void>
  continue(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
  logs(): Promise<string>
}
