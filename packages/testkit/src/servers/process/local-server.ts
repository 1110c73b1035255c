import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServiceUnavailableError } from '@comm/core'
import { freePorts } from '../../free-port.ts'
import type { Found, LocalPlan, ServerKind } from '../kind.ts'
import type { ServerControl } from '../server.ts'
import { dataRoot } from './data-root.ts'
import { ProcessGroup, type Program } from './process-group.ts'
import { readyPing } from './ready-ping.ts'
import { waitUntilReady } from './wait-until-ready.ts'
import { type Watchdog, watchOver } from './watchdog.ts'

const HOST = '127.0.0.1'
/** A server that is ended in good order writes its data; none needs longer. */
const GRACE_MS = 10_000
/** A port found free may be taken before the server takes it. */
const MOST_STARTS = 3
const LOG_TAIL_LINES = 15

export interface Started {
  readonly control: ServerControl
  readonly host: string
  readonly ports: Readonly<Record<string, number>>
  readonly version: string
}

/** Starts a program of this machine on free ports in a temporary folder. @throws ServiceUnavailableError with the end of its log */
export async function startLocal(kind: ServerKind, found: Found): Promise<Started> {
  for (let start = 1; ; start++) {
    const server = await LocalServer.create(kind, found)
    try {
      const version = await server.start()
      return { control: server, host: HOST, ports: server.ports, version: found.version ?? version }
    } catch (error) {
      const logs = await server.logs()
      await server.close()
      if (start < MOST_STARTS && /address already in use|eaddrinuse/i.test(logs)) continue
      const tail = logs.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n    ')
      throw new ServiceUnavailableError(`${(error as Error).message}; its log ends with\n    ${tail}`, { cause: error })
    }
  }
}

class LocalServer implements ServerControl {
  readonly ports: Readonly<Record<string, number>>
  readonly #kind: ServerKind
  readonly #folder: string
  readonly #plan: LocalPlan
  readonly #watchdog: Watchdog
  #server: ProcessGroup | undefined
  #companion: ProcessGroup | undefined
  #closed: Promise<void> | undefined
  /** Once the folder is gone. */
  #lastLogs: string | undefined

  private constructor(kind: ServerKind, folder: string, ports: Readonly<Record<string, number>>, plan: LocalPlan) {
    this.#kind = kind
    this.#folder = folder
    this.ports = ports
    this.#plan = plan
    this.#watchdog = watchOver(folder)
  }

  static async create(kind: ServerKind, found: Found): Promise<LocalServer> {
    const numbers = await freePorts(kind.ports.length)
    const ports = Object.fromEntries(kind.ports.map((name, at) => [name, numbers[at] as number]))
    const folder = await mkdtemp(join(await dataRoot(), `comm-${kind.name}-`))
    const plan = kind.local(found, { folder, listen: HOST, ports })
    return new LocalServer(kind, folder, ports, plan)
  }

  /** Lays out the folder and starts everything. @returns the version the server tells */
  async start(): Promise<string> {
    const { files, prepare, companion } = this.#plan
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.#folder, name), text, { mode: 0o600 })
    if (prepare) await run(prepare, this.#folder)
    if (companion) this.#companion = await this.#spawn(companion)
    return this.#run()
  }

  get pid(): number | undefined {
    return this.#server?.ended === undefined ? this.#server?.pid : undefined
  }

  async kill(): Promise<void> {
    await this.#server?.end(0)
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }

  async continue(): Promise<void> {
    this.#server?.signal('SIGCONT')
    await this.#ready()
  }

  async restart(): Promise<void> {
    await this.#server?.end(GRACE_MS)
    await this.#run()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async logs(): Promise<string> {
    return this.#lastLogs ?? (await this.#readLog())
  }

  /** Nobody needs the data any more, so nothing is ended in good order. */
  async #close(): Promise<void> {
    this.#lastLogs = await this.#readLog()
    await this.#server?.end(0)
    await this.#companion?.end(0)
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
    await this.#watchdog.dismiss()
  }

  async #run(): Promise<string> {
    this.#server = await this.#spawn(this.#plan.server)
    return this.#ready()
  }

  #ready(): Promise<string> {
    const { label, readyMs } = this.#kind
    const endpoint = { host: HOST, port: this.ports['main'] as number }
    return waitUntilReady(label, endpoint, readyPing(this.#kind, this.ports), readyMs, () => this.#server?.ended)
  }

  async #spawn(program: Program): Promise<ProcessGroup> {
    const group = await ProcessGroup.start(program, this.#folder, this.#logFile, () => this.#guard())
    this.#guard(group)
    return group
  }

  #guard(added?: ProcessGroup): void {
    const groups = [this.#server, this.#companion, added].filter((group) => group !== undefined && group.ended === undefined)
    this.#watchdog.guard(groups.map((group) => (group as ProcessGroup).pid))
  }

  #readLog(): Promise<string> {
    return readFile(this.#logFile, 'utf8').catch(() => '')
  }

  get #logFile(): string {
    return join(this.#folder, 'server.log')
  }
}

async function run({ command, args, env }: Program, folder: string): Promise<void> {
  await promisify(execFile)(command, args, { cwd: folder, env: { ...process.env, ...env } })
}
