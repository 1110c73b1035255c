import type { StartedTestContainer } from 'testcontainers'
import { freePorts } from '../../free-port.ts'
import type { ServerKind } from '../kind.ts'
import type { Started } from '../process/local-server.ts'
import { readyPing } from '../process/ready-ping.ts'
import { waitUntilReady } from '../process/wait-until-ready.ts'
import type { ServerControl } from '../server.ts'

const FOLDER = '/comm'
const HOST = '127.0.0.1'
const READABLE = 0o644
const FRAME_HEADER_BYTES = 8

/**
 * A container whose ports are the same inside and out: servers that tell clients their address (Kafka) are right then, and a
 * restart, after which Docker deals out ports anew, keeps them. Testcontainers is only loaded here, once an engine has answered.
 *
 * @throws what the engine says: no such image, no permission
 */
export async function startContainer(kind: ServerKind, plan: NonNullable<ServerKind['docker']>): Promise<Started> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers')
  const numbers = await freePorts(kind.ports.length)
  const ports = Object.fromEntries(kind.ports.map((name, at) => [name, numbers[at] as number]))
  const { image, files, command, env } = plan({ folder: FOLDER, listen: '0.0.0.0', ports })
  const container = await new GenericContainer(image)
    .withExposedPorts(...numbers.map((port) => ({ container: port, host: port })))
    .withCopyContentToContainer(
      Object.entries(files).map(([name, content]) => ({ target: `${FOLDER}/${name}`, content, mode: READABLE })),
    )
    .withEnvironment(env)
    .withCommand([...command])
    // Whether it is ready is asked below, in its own protocol; Testcontainers' look at the ports needs a shell in the image.
    .withWaitStrategy(Wait.forLogMessage(/./))
    .withStartupTimeout(kind.readyMs)
    .start()
  const { container: engine } = await getContainerRuntimeClient()
  const native = engine.getById(container.getId())
  const ready = () =>
    waitUntilReady(kind.label, { host: HOST, port: ports['main'] as number }, readyPing(kind, ports), kind.readyMs)
  const control = controlOf(container, native, ready)
  try {
    return { control, host: HOST, ports, version: await ready() }
  } catch (error) {
    await control.close()
    throw error
  }
}

/** The part of the engine's own client that is needed here. */
interface NativeContainer {
  kill(options: { signal: string }): Promise<unknown>
  wait(): Promise<unknown>
  pause(): Promise<unknown>
  unpause(): Promise<unknown>
  start(): Promise<unknown>
  logs(options: { stdout: true; stderr: true; follow: false }): Promise<Buffer>
  inspect(): Promise<{ readonly State: { readonly Running: boolean; readonly Paused: boolean } }>
}

function controlOf(container: StartedTestContainer, native: NativeContainer, ready: () => Promise<string>): ServerControl {
  const logs = async () => textOf(await native.logs({ stdout: true, stderr: true, follow: false }))
  let closed: Promise<void> | undefined
  let lastLogs: string | undefined
  return {
    pid: undefined,
    async kill() {
      if (!(await native.inspect()).State.Running) return
      await native.kill({ signal: 'SIGKILL' })
      await native.wait()
    },
    async stop() {
      await native.pause()
    },
    async continue() {
      await native.unpause()
      await ready()
    },
    async restart() {
      const { Running: running, Paused: paused } = (await native.inspect()).State
      if (paused) await native.unpause()
      if (running) {
        await native.kill({ signal: 'SIGTERM' })
        await native.wait()
      }
      await native.start()
      await ready()
    },
    close() {
      closed ??= (async () => {
        lastLogs = await logs().catch(() => '')
        await container.stop({ timeout: 0 })
      })()
      return closed
    },
    logs: async () => lastLogs ?? (await logs()),
  }
}

/** The engine sends what a container prints in frames: 4 bytes of which stream, 4 of length (big endian), then the text. */
function textOf(frames: Buffer): string {
  const texts: string[] = []
  for (let at = 0; at + FRAME_HEADER_BYTES <= frames.length; ) {
    const start = at + FRAME_HEADER_BYTES
    at = start + frames.readUInt32BE(at + 4)
    texts.push(frames.toString('utf8', start, at))
  }
  return texts.join('')
}
