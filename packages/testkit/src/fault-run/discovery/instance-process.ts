import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ServiceUnavailableError } from '@comm/core'
import { FORK_OPTIONS } from '../fork-options.ts'
import type { RegistryAddress } from './registries.ts'

const MAIN = fileURLToPath(new URL('./instance-main.ts', import.meta.url))

/** An instance in a process that can be killed. */
export class InstanceProcess {
  readonly id: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, id: string) {
    this.#child = child
    this.id = id
  }

  /** Resolves when it is registered. */
  static async start(address: RegistryAddress): Promise<InstanceProcess> {
    const child = fork(MAIN, FORK_OPTIONS)
    child.send(address)
    const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [
      { readonly id: string } | number | null,
    ]
    if (typeof first !== 'object' || first === null)
      throw new ServiceUnavailableError(`an instance ended with code ${first} before it was registered`)
    return new InstanceProcess(child, first.id)
  }

  /** SIGKILL: nothing is deregistered. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
