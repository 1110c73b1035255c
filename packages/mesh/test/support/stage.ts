import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LogFields, Logger } from '@comm/core'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { createMesh, type Mesh, type MeshOptions } from '@comm/mesh'

export interface Line {
  readonly level: string
  readonly message: string
  readonly fields: LogFields
}

/** Keeps its lines, those of its children too. */
export function recordingLogger(lines: Line[] = [], own: LogFields = {}): Logger & { readonly lines: Line[] } {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields: { ...own, ...fields } })
  return {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isEnabled: () => true,
    child: (fields) => recordingLogger(lines, { ...own, ...fields }),
  }
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Services over one registry in memory, real servers on the loopback; all end with it. */
export class Stage implements AsyncDisposable {
  readonly registry = new MemoryRegistryServer()
  readonly #stack = new AsyncDisposableStack()

  mesh(options: Partial<MeshOptions> & Pick<MeshOptions, 'service'>): Mesh {
    return this.#stack.use(createMesh({ discovery: new MemoryRegistry({ server: this.registry }), ...options }))
  }

  async serve(server: Server): Promise<number> {
    const port = await listen(server)
    this.#stack.defer(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return port
  }

  /** A service of the mesh with one instance, registered. */
  async service(
    name: string,
    handler: RequestListener,
    options: Partial<MeshOptions> & { version?: string } = {},
  ): Promise<Mesh> {
    const { version, ...rest } = options
    let port = 0
    const mesh = this.mesh({
      service: { name, host: '127.0.0.1', port: () => port, ...(version === undefined ? {} : { version }) },
      ...rest,
    })
    port = await this.serve(mesh.createServer(handler))
    await mesh.start()
    return mesh
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}
