import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ready, SetupInput } from '@comm/bench/area'
import { underLoad } from './under-load.ts'

export interface ChildGateway {
  readonly program: string
  readonly configuration: (parts: { readonly port: number; readonly folder: string; readonly service: URL }) => string
  readonly arguments: (parts: { readonly file: string; readonly folder: string }) => readonly string[]
}

const STARTS_WITHIN_MS = 10_000

/** A gateway that is a program of its own, in the foreground, with a folder of its own. */
export async function childGateway(input: SetupInput, gateway: ChildGateway): Promise<Ready> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-gateway-'))
  const port = await freePort()
  const file = join(folder, 'gateway.conf')
  writeFileSync(file, gateway.configuration({ port, folder, service: new URL(String(input.environment.service)) }))
  const child = spawn(gateway.program, gateway.arguments({ file, folder }), { stdio: ['ignore', 'ignore', 'inherit'] })
  await untilItListens(child, port)
  const { pid } = child
  if (pid === undefined) throw new Error(`${gateway.program} did not start`)
  return underLoad(input, `http://127.0.0.1:${port}`, {
    otherCpuMs: () => cpuMsOf(pid),
    close: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

async function untilItListens(child: ChildProcess, port: number): Promise<void> {
  const giveUpAt = Date.now() + STARTS_WITHIN_MS
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} instead of listening on ${port}`)
    const listens = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (listens) return
    if (Date.now() > giveUpAt) throw new Error(`nothing listened on ${port} within ${STARTS_WITHIN_MS} ms`)
    await pause(20)
  }
}

/** Processor time of a process and its children, all threads, as Linux accounts it in nanoseconds. */
function cpuMsOf(pid: number): number {
  const pids = [pid, ...childrenOf(pid)]
  const threads = pids.flatMap((each) =>
    readdirSync(`/proc/${each}/task`).map((thread) => `/proc/${each}/task/${thread}/schedstat`),
  )
  return threads.reduce((sum, path) => sum + Number(readFileSync(path, 'utf8').split(' ')[0]), 0) / 1e6
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
