import type { TlsFiles } from './certificates.ts'
import type { DebianRelease } from './install/debian-release.ts'
import type { Program } from './process/process-group.ts'
import type { Endpoint, Ping } from './process/wait-until-ready.ts'
import type { ServerName } from './server.ts'

/** Where a server is to run, as it sees it itself: inside a container the folder and the address are not this machine's. */
export interface Place {
  readonly folder: string
  /** The address to listen on. */
  readonly listen: string
  /** By the names in `ServerKind.ports`. */
  readonly ports: Readonly<Record<string, number>>
}

/** A program that can start the server, found on this machine or installed. */
export interface Found {
  readonly command: string
  /** What the kind needs to know beside the command: a folder of jars, a path. */
  readonly home: string
  /** Where the program's package tells it; else the ping does. */
  readonly version?: string
}

export interface LocalPlan {
  /** Files to lay into the folder before the first start, by name. */
  readonly files: Readonly<Record<string, string>>
  /** Run to its end, once, before the first start. */
  readonly prepare?: Program
  /** Runs beside the server as long as it is not closed, also while the server itself is down. */
  readonly companion?: Program
  readonly server: Program
}

export interface DockerPlan {
  readonly image: string
  readonly files: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Everything that differs between servers; how one is found, started and ended is the same for all. */
export interface ServerKind {
  readonly name: ServerName
  /** For messages. */
  readonly label: string
  /** Names of the ports it needs; `main` is the first. */
  readonly ports: readonly ['main', ...string[]]
  /** It was asked for with options that a server from a URL cannot be given: the environment is not looked at. */
  readonly special: boolean
  readonly tls: TlsFiles | undefined
  /** How long it may take to answer, in milliseconds. */
  readonly readyMs: number
  /** What a person does who has no Docker engine and where installing fails. */
  readonly advice: string
  /** A URL from the environment. @throws TypeError if it is none */
  parseUrl(url: string): Endpoint
  /** Its URL for clients at an endpoint, and those of its other listeners. */
  urls(
    host: string,
    ports: Readonly<Record<string, number>>,
  ): { readonly url: string; readonly urls: Readonly<Record<string, string>> }
  findLocal(): Promise<Found | undefined>
  install(release: DebianRelease): Promise<Found>
  local(found: Found, place: Place): LocalPlan
  /** Undefined where it cannot run in a single container. */
  readonly docker: ((place: Place) => DockerPlan) | undefined
  /** @param url present where the server came from the environment: its credentials */
  ping(url: string | undefined): Ping
}
