import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface InstanceKind {
  /** What a request takes when nothing is in the way. */
  readonly serviceMs: number
  /** How much later than that it is answered. @default 0 */
  readonly lateMs?: number
  /** Requests that are worked on at once. @default Infinity */
  readonly workers?: number
}

export interface RunningInstance extends AsyncDisposable {
  /** `host:port` */
  readonly address: string
}

export async function startInstance({
  serviceMs,
  lateMs = 0,
  workers = Number.POSITIVE_INFINITY,
}: InstanceKind): Promise<RunningInstance> {
  const program = fileURLToPath(import.meta.resolve('./instance-main.ts'))
  const child = spawn(process.execPath, [program, serviceMs, lateMs, workers].map(String), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [port] = await once(child.stdout, 'data')
  return { address: `127.0.0.1:${String(port).trim()}`, [Symbol.asyncDispose]: () => end(child) }
}

/** An address where connections are refused: somebody listened there, and has gone. */
export async function refusingAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
